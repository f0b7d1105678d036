"""Services as tests need them: written by an officer and published."""

from datetime import date
from typing import Any

from gateway.casework import services as work
from gateway.casework.services import Step, Typed
from gateway.runtime import Runtime
from store import services, unanswered
from store.accounts import Account, Role
from store.services import Service

OFFICER = Account("1" * 32, "wang", Role.OFFICER, "water")
OTHER = Account("2" * 32, "li", Role.OFFICER, "roads")
MODERATOR = Account("3" * 32, "mo", Role.MODERATOR)
VIEWER = Account("4" * 32, "vi", Role.VIEWER)

METER = {
    "zh": ("水表过户", "带身份证到营业厅办理。", "水表，过户"),
    "en": ("Water meter", "Come with your ID.", "meter"),
}
HALL = {
    "zh": ("营业厅开放时间", "周一至周五9点到17点。", "营业厅, 水表"),
    "en": ("Service hall", "9 to 17.", "hall, meter"),
}


def typed(said: dict[str, tuple[str, str, str]], kind: str = "guide", **more: Any) -> Typed:
    """An entry of the water company as it is typed."""
    return Typed(**{"department": "water", "kind": kind, "said": said, **more})


async def written(runtime: Runtime, entry: Typed, account: Account = OFFICER) -> str:
    """A draft."""
    return await work.add(runtime, account, work.clean(runtime, entry))


async def published(runtime: Runtime, entry: Typed, account: Account = OFFICER) -> Service:
    """An entry that the filter passed."""
    return await work.take(runtime, account, await written(runtime, entry, account), Step.PUBLISH)


async def missed(runtime: Runtime) -> list[tuple[str, int]]:
    """What was asked for in vain, and how often."""
    async with runtime.database.reading() as connection:
        return [(one.word, one.asked) for one in await unanswered.most(connection, 100)]


async def uses(runtime: Runtime, *known: Service) -> list[int]:
    """How often entries were given."""
    async with runtime.database.reading() as connection:
        counted = await services.uses_of(connection, [one.id for one in known], date(2000, 1, 1))
    return [counted.get(one.id, 0) for one in known]
