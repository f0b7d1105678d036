"""Lists ask the store as often for many rows as for few."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from aiohttp import web
from sqlalchemy import Engine, event

from gateway import clock
from gateway.casework import answer_templates as templates
from gateway.casework import assessing, campaigns, cases, rota, services
from gateway.casework.services import Step, Typed
from gateway.journey import joining, moderation
from gateway.schema import Action
from gateway.web import access
from store import duty
from store.accounts import Account, Role
from tests.casework.campaign_world import typed
from tests.conftest import settle_down
from tests.web.conftest import World
from tests.web.test_every_route import incoming

FEW, MANY = 3, 12
LI = Account("2" * 32, "li", Role.OFFICER, "roads")


@contextmanager
def counting() -> Iterator[list[str]]:
    """What is asked of any store meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def fill(world: World, first: int, number: int) -> None:
    """So many more of everything that is listed."""
    runtime, at = world.runtime, clock.now()
    async with runtime.database.reading() as connection:
        worker = (await duty.workers(connection))[0][0]
    for one in range(first, first + number):
        await world.desk.take(incoming(f"number {one} waits to be decided"))
        made = await world.desk.take(incoming(f"a lamp is dark in the street with the number {one}"))
        await moderation.decide(runtime, str(made.post_id), Action.PUBLISH, actor="mo")
        again = await world.desk.take(incoming(f"the lamp is dark at {one}"))
        await joining.join_posts(runtime, str(again.ticket), str(made.ticket), actor="mo")
        if one % 2:
            await cases.answer(runtime, str(made.ticket), f"mended {one}", "roads", actor="li")
        wording = templates.clean(runtime, "roads", "en", f"template {one}", "we are on our way")
        await templates.save(runtime, LI, wording, None, None)
        said = {language: (f"Service {one}", "come by", f"word{one}") for language in ("en", "zh")}
        service = await services.add(runtime, LI, services.clean(runtime, Typed("roads", "guide", said)))
        await services.take(runtime, LI, service, Step.PUBLISH)
        begins = campaigns.today(runtime) + timedelta(days=10 * one)
        await campaigns.add(runtime, typed(begins, slug=f"campaign-{one}"), actor="ada")
        day = (at + timedelta(days=one % 5)).astimezone(runtime.settings.city.zone).date().isoformat()
        await rota.add(runtime, worker, day, f"{one % 24:02}:00", f"{one % 24:02}:30", actor="mo")
        await rota.hand_over(runtime, f"note {one}", actor="mo")
        await world.account(Role.OFFICER, f"officer{one}", "roads")
    await settle_down(runtime)
    await assessing.keep_up(runtime)


def lists(app: web.Application) -> list[str]:
    """Every page and answer of staff, and of everybody, that is at an address of its own."""
    found = []
    for route in app.router.routes():
        assert route.resource
        info = route.resource.get_info()
        path = str(info.get("path", ""))
        if route.method == "GET" and path and "live" not in path and "stream" not in path:
            found.append(path)
    return found


async def ask_all(world: World) -> dict[str, int]:
    """How many questions each list asks, when nothing is counted or kept anew meanwhile."""
    numbers = {}
    for path in lists(world.app):
        asked = []
        for _ in range(3):
            with counting() as statements:
                response = await world.client.get(path, allow_redirects=False)
                await response.read()
            assert response.status < 500, path
            asked.append(len(statements))
        numbers[path] = min(asked)
    return numbers


async def test_no_list_asks_more_for_more_rows(world: World) -> None:
    await world.account(Role.ADMINISTRATOR, "chief")
    await world.log_in("chief")
    await fill(world, 1, FEW)
    few = await ask_all(world)
    await fill(world, 1 + FEW, MANY)
    many = await ask_all(world)
    assert {path for path in few if path.startswith(access.STAFF_PAGES)} >= {"/console/inbox", "/console/duty"}
    assert {path: (few[path], many[path]) for path in few if many[path] > few[path]} == {}
