"""Moments as the tables keep them."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Dialect, String, TypeDecorator
from sqlalchemy.types import TypeEngine


@lru_cache(maxsize=1024)
def _as_text(moment: datetime) -> str:
    """Many rows of one commit carry the same moment."""
    return moment.isoformat(timespec="microseconds")


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; what has no zone is a mistake.

    SQLite knows neither zones nor moments: there it is RFC 3339 text of fixed width, which sorts like the moments do.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, `timestamptz` elsewhere."""
        own: TypeEngine[Any] = String(32) if dialect.name == "sqlite" else DateTime(timezone=True)
        return dialect.type_descriptor(own)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a moment without a zone, store the rest in UTC."""
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise ValueError("a moment needs a time zone")
            value = value.astimezone(UTC)
        return _as_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The moment, with its zone."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value
