"""What the sample city has beside its reports: services of its departments, a phrase each day, and a duty rota."""

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.casework import campaigns, rota, services
from gateway.casework.services import Step, Typed
from gateway.errors import Conflict, NotFound
from gateway.journey import joining, similar
from gateway.runtime import Runtime
from gateway.schema import State
from store import accounts, changes
from store.accounts import Account, Role

SERVICES = Path(__file__).with_name("services.toml")
PHRASES = (
    ("春江水暖鸭先知", "The ducks know first that spring has come"),
    ("一寸光阴一寸金", "An inch of time is an inch of gold"),
    ("有志者事竟成", "Where there is a will there is a way"),
)
CAMPAIGN_DAYS = 14
SHIFTS = (("00:00", "08:00"), ("08:00", "16:00"), ("16:00", "00:00"))


async def write_services(runtime: Runtime, chief: Account, until: datetime) -> None:
    """Write the departments' services and publish those that are ready; news are true for some days from `until`."""
    for entry in tomllib.loads(SERVICES.read_text(encoding="utf-8"))["entry"]:
        said = {
            language: (entry[language]["title"], entry[language]["text"], "\n".join(entry[language]["words"]))
            for language in ("zh", "en")
            if language in entry
        }
        ends = until + timedelta(hours=entry["hours"]) if "hours" in entry else None
        typed = Typed(entry["department"], entry["kind"], said, valid_until=ends)
        service_id = await services.add(runtime, chief, services.clean(runtime, typed))
        if entry["step"] == "publish":
            await services.take(runtime, chief, service_id, Step.PUBLISH)


async def begin_campaign(runtime: Runtime, actor: str) -> None:
    """A phrase for each of some days from the present one on."""
    first = campaigns.today(runtime)
    typed: dict[str, Any] = {
        "slug": "demo",
        "name": {"zh": "每日一句", "en": "A phrase a day"},
        "prize": {"zh": "公交月票", "en": "a bus pass"},
        "begins_on": first,
        "ends_on": first + timedelta(days=CAMPAIGN_DAYS - 1),
        "publish_at": "00:00",
        "winners": 3,
    }
    campaign_id = await campaigns.add(runtime, typed, actor=actor)
    days = [(first + timedelta(days=day), PHRASES[day % len(PHRASES)]) for day in range(CAMPAIGN_DAYS)]
    lines = [f"{day} | {zh} | {en}" for day, (zh, en) in days]
    await campaigns.fill(runtime, campaign_id, "\n".join(lines), actor=actor)


async def keep_watch(runtime: Runtime, names: tuple[str, ...]) -> None:
    """Put people on duty around the clock, for a week from the present day on."""
    async with runtime.database.reading() as connection:
        known = [found.account.id for name in names if (found := await accounts.named(connection, name))]
    first = campaigns.today(runtime)
    for day in range(7):
        for number, (begins, ends) in enumerate(SHIFTS):
            who = known[(day + number) % len(known)]
            await rota.add(runtime, who, str(first + timedelta(days=day)), begins, ends, actor=names[0])


async def join_alike(runtime: Runtime, ticket: str, actor: str) -> bool:
    """Join a report that waits to a public one that says nearly the same; false when there is none."""
    async with runtime.database.reading() as connection:
        post = await changes.load(connection, ticket)
    said = similar.Said(post.text, post.place, post.category, id=post.id)
    for other in await similar.to(runtime, said, public=True):
        if other.share >= similar.LIKELY and post.state is State.PENDING:
            try:
                await joining.join_posts(runtime, ticket, other.ticket, actor=actor)
            except (Conflict, NotFound):
                return False
            return True
    return False


def chief(name: str) -> Account:
    """Who writes for all departments."""
    return Account(id=name, name=name, role=Role.ADMINISTRATOR, department=None)
