"""The page of duty: who is on, swaps and their undoing, notes handed over, and an alarm that is claimed."""

import re
from collections.abc import Callable

import pytest

from gateway.casework import duty_alarms
from gateway.sections_duty import Duty
from gateway.sections_duty import DutyAlarm as Limits
from store.accounts import Role
from tests.casework.campaign_world import from_noon
from tests.web.conftest import World
from tests.web.people_world import ENGLISH, actions, press, read

PAGE = "/console/duty"


@pytest.fixture(autouse=True)
def later() -> Callable[[float], None]:
    """It is noon; moves the clock on by seconds."""
    return from_noon()


async def enter(world: World, name: str = "anne", role: Role = Role.MODERATOR) -> str:
    account = await world.account(role, name)
    assert await world.log_in(name) == 303
    return account.id


async def add(world: World, account_id: str, begins: str = "08:00", ends: str = "16:00") -> str:
    """A shift of the first of March by the form; gives its id."""
    form = {"account": account_id, "day": "2027-03-01", "begins": begins, "ends": ends}
    response = await press(world, f"{PAGE}/shifts", PAGE, **form)
    assert response.status == 303
    return str(re.findall(r"/console/duty/shifts/([0-9a-f]{32})/swap", await read(world, PAGE))[-1])


async def test_nobody_is_on_before_somebody_is_put_there(world: World) -> None:
    own = await enter(world)
    page = await read(world, PAGE)
    assert "Nobody is on duty now." in page
    assert "There are no notes yet." in page
    await add(world, own)
    page = await read(world, f"{PAGE}?done=added")
    assert "The shift stands in the rota." in page
    assert "Nobody is on duty now." not in page
    assert "08:00–16:00" in page


async def test_a_shift_is_swapped_taken_away_and_put_back(world: World) -> None:
    other = await world.account(Role.MODERATOR, "bert")
    shift = await add(world, await enter(world))
    assert (await press(world, f"{PAGE}/shifts/{shift}/swap", PAGE, account=other.id)).status == 303
    assert "<strong>bert</strong>" in await read(world, PAGE)
    response = await press(world, f"{PAGE}/shifts/{shift}/drop", PAGE)
    page = await read(world, response.headers["Location"])
    assert "The shift was removed." in page
    assert "Nobody is on duty now." in page
    assert f"/shifts/{shift}/resume" in page
    assert (await press(world, f"{PAGE}/shifts/{shift}/resume", PAGE)).status == 303
    assert "<strong>bert</strong>" in await read(world, PAGE)
    done = [action for _, action, _ in await actions(world) if action.startswith("shift")]
    assert done == ["shift added", "shift swapped", "shift removed", "shift put back"]


@pytest.mark.parametrize("wrong", [{"day": "someday"}, {"begins": "9"}, {"account": "0" * 32}])
async def test_a_shift_that_cannot_be_is_said_beside_its_field(world: World, wrong: dict[str, str]) -> None:
    own = await enter(world)
    form = {"account": own, "day": "2027-03-01", "begins": "08:00", "ends": "16:00", **wrong}
    response = await press(world, f"{PAGE}/shifts", PAGE, **form)
    assert response.status == 422
    assert 'class="fault"' in await response.text()


async def test_a_week_is_looked_at_and_any_other_word_is_this_week(world: World) -> None:
    await enter(world)
    assert ">8 Mar 2027<" in await read(world, f"{PAGE}?week=2027-03-10")
    for odd in ("nonsense", "9999-12-31", "0001-01-01"):
        assert ">1 Mar 2027<" in await read(world, f"{PAGE}?week={odd}")


async def test_a_note_is_read_by_somebody_else(world: World) -> None:
    await enter(world)
    assert (await press(world, f"{PAGE}/notes", PAGE, text="mind the <b>mill</b>")).status == 303
    page = await read(world, PAGE)
    assert "mind the &lt;b&gt;mill&lt;/b&gt;" in page
    assert "I have read it" not in page
    assert (await press(world, f"{PAGE}/notes", PAGE, text="x" * 2001)).status == 422
    await enter(world, "bert")
    [note] = re.findall(r"/console/duty/notes/([0-9a-f]{32})/read", await read(world, PAGE))
    assert (await press(world, f"{PAGE}/notes/{note}/read", PAGE)).status == 303
    assert "read by bert" in await read(world, PAGE)
    assert (await press(world, f"{PAGE}/notes/{note}/read", PAGE)).status == 409


async def test_an_alarm_is_shown_and_claimed(world: World, later: Callable[[float], None]) -> None:
    duty = Duty(alarm=Limits(waiting_minutes=5))
    world.runtime.settings = world.runtime.settings.model_copy(update={"duty": duty})
    await world.say("the lamp is dark")
    await enter(world)
    later(400)
    await duty_alarms.keep_up(world.runtime)
    page = await read(world, PAGE)
    assert "Posts have waited since" in page
    [alarm] = re.findall(r"/console/duty/alarms/([0-9a-f]{32})/claim", page)
    assert (await press(world, f"{PAGE}/alarms/{alarm}/claim", PAGE)).status == 303
    assert "anne takes care of it." in await read(world, PAGE)
    assert (await press(world, f"{PAGE}/alarms/{alarm}/claim", PAGE)).status == 409
    headers = await world.token(Role.MODERATOR)
    found = await (await world.client.get("/api/v1/console/duty", headers=headers)).json()
    assert found["alarm"]["claimed_by"] == "anne"


async def test_it_is_not_for_who_does_not_moderate(world: World) -> None:
    await enter(world, "vera", Role.VIEWER)
    assert (await world.client.get(PAGE, headers=ENGLISH)).status == 403
