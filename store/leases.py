"""Leases for what only one process may do: whoever holds one renews it; when the holder dies it runs out."""

from datetime import datetime

from sqlalchemy import or_, select, update

from store.database import Transaction
from store.dialect import insert_new
from store.tables_leases import leases


async def hold(transaction: Transaction, name: str, holder: str, at: datetime, until: datetime) -> bool:
    """Take or renew a lease; false while another holder's has not run out."""
    connection = transaction.connection
    row = {"name": name, "holder": holder, "until": until}
    await connection.execute(insert_new(connection, leases, ["name"]), row)
    free = or_(leases.c.holder == holder, leases.c.until <= at)
    await connection.execute(update(leases).where(leases.c.name == name, free).values(holder=holder, until=until))
    now_held = select(leases.c.holder).where(leases.c.name == name)
    return (await connection.execute(now_held)).scalar() == holder
