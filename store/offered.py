"""Which convenience services departments offered at a moment, and how often they were used in a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.services import ServiceState
from store.tables_services import service_uses, services

# Of very many entries of one department the most used are listed.
MOST = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """How many services a department had, and how often they were given."""

    published: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Offered:
    """One service: its titles by language, whether it stood there at the moment and may be read now, its uses."""

    slug: str
    titles: Mapping[str, str]
    published: bool
    readable: bool
    used: int


async def by_department(connection: AsyncConnection, first: date, last: date, at: datetime) -> Mapping[str, Offer]:
    """What each department offered at a moment, and how often its entries were given from a day to another."""
    there = select(services.c.department, func.count()).where(_known, _stood(at)).group_by(services.c.department)
    published = {row[0]: int(row[1]) for row in await connection.execute(there)}
    given = (
        select(services.c.department, func.sum(service_uses.c.uses))
        .join(services, services.c.id == service_uses.c.service_id)
        .where(service_uses.c.day.between(first.isoformat(), last.isoformat()))
        .group_by(services.c.department)
    )
    used = {row[0]: int(row[1]) for row in await connection.execute(given)}
    return {slug: Offer(published.get(slug, 0), used.get(slug, 0)) for slug in published.keys() | used.keys()}


async def of_department(
    connection: AsyncConnection, department: str, first: date, last: date, at: datetime
) -> Sequence[Offered]:
    """The entries behind a department's numbers, the most used first."""
    used = (
        select(func.coalesce(func.sum(service_uses.c.uses), 0))
        .where(
            service_uses.c.service_id == services.c.id,
            service_uses.c.day.between(first.isoformat(), last.isoformat()),
        )
        .correlate(services)
        .scalar_subquery()
    )
    wanted = (
        select(services.c.slug, services.c.content, services.c.state, _stood(at), used.label("used"))
        .where(_known, services.c.department == department)
        .where(or_(_stood(at), used > 0))
        .order_by(used.desc(), services.c.slug)
        .limit(MOST)
    )
    return [
        Offered(row[0], _titles(row[1]), bool(row[3]), row[2] == ServiceState.PUBLISHED, int(row[4]))
        for row in await connection.execute(wanted)
    ]


# Every state, so that the index by state leads to them.
_known = services.c.state.in_(list(ServiceState))


def _stood(at: datetime) -> ColumnElement[bool]:
    """Whether everybody could read an entry at a moment."""
    since = and_(services.c.state == ServiceState.RETIRED, services.c.retired_at > at)
    return and_(
        services.c.published_at <= at,
        or_(services.c.state == ServiceState.PUBLISHED, since),
        or_(services.c.valid_until.is_(None), services.c.valid_until > at),
    )


def _titles(content: Mapping[str, Any]) -> Mapping[str, str]:
    return {language: said["title"] for language, said in content.items()}
