"""What all tables are made of: their catalogue with its names, and the kinds of keys."""

from sqlalchemy import BigInteger, Integer, MetaData, String

# Grows by one for each row; SQLite only counts INTEGER keys by itself.
Serial = BigInteger().with_variant(Integer(), "sqlite")
Id = String(32)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
