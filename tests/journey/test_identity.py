"""A typed contact, or a line linked on the web, gets a code and nothing else until it is proved; then all."""

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway import clock
from gateway.errors import BadInput, NotFound, TooMany
from gateway.journey import identity, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Taken
from store import citizens, tables_citizens
from store.citizens import Known, Line
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

BROWSER = "web:0123456789abcdef0123456789abcdef"


async def form(runtime: Runtime, contact: str = ANNA, browser: str = BROWSER) -> Taken:
    sent = message("garbage smell near the school", None, channel="form", contact=f"tel:{contact}", commands=False)
    return await Intake(runtime).take(replace(sent, address=browser))


def code_in(texts: list[str]) -> str:
    """The code among the texts a phone got."""
    codes = [found[0] for text in texts if (found := re.search(r"\b\d{6}\b", text))]
    return codes[-1]


async def test_a_proved_contact_hears_what_becomes_of_the_post(runtime: Runtime, texting: Texting) -> None:
    taken = await form(runtime)
    assert taken.code_sent
    assert taken.ticket
    assert taken.post_id
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1
    await identity.prove(runtime, taken.ticket, code_in(texting.to(ANNA)))
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert taken.ticket in texting.to(ANNA)[1]


async def test_an_unproved_contact_hears_nothing_but_the_code(runtime: Runtime, texting: Texting) -> None:
    taken = await form(runtime)
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1


async def test_the_browser_and_the_phone_become_one_citizen(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("no heating", ANNA))
    taken = await form(runtime)
    await settle_down(runtime)
    assert taken.ticket
    await identity.prove(runtime, taken.ticket, code_in(texting.to(ANNA)))
    again = await form(runtime)
    assert not again.code_sent, "the contact is this citizen's own now"


async def test_somebody_elses_number_is_not_taken_over_by_typing_it(runtime: Runtime, texting: Texting) -> None:
    typed = await form(runtime)
    own = await Intake(runtime).take(message("my own report", ANNA))
    assert typed.post_id
    assert own.post_id
    await settle_down(runtime)
    before = len(texting.to(ANNA))
    await moderation.decide(runtime, typed.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == before, "the form's author is another citizen still"


async def test_a_code_can_be_tried_a_few_times_only(runtime: Runtime, texting: Texting) -> None:
    taken = await form(runtime)
    await settle_down(runtime)
    assert taken.ticket
    right = code_in(texting.to(ANNA))
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(runtime.settings.intake.code_tries):
        with pytest.raises(BadInput):
            await identity.prove(runtime, taken.ticket, wrong)
    with pytest.raises(TooMany):
        await identity.prove(runtime, taken.ticket, right)


async def test_a_number_is_not_flooded_with_codes(runtime: Runtime) -> None:
    for number in range(runtime.settings.intake.codes_per_day):
        await form(runtime, browser=f"web:{number:032x}")
    with pytest.raises(BadInput) as caught:
        await form(runtime, browser=f"web:{99:032x}")
    assert caught.value.field == "contact"


async def test_no_code_was_sent_for_this(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        await identity.prove(runtime, "48217059", "123456")


@pytest.mark.parametrize(
    ("address", "hears"),
    [
        ("tel:+8613800138001", True),
        ("tel:+12025550123", True),
        ("tel:+8657188881234", False),
        ("tel:10086", False),
        ("tel:BANKINFO", False),
        ("tel:+266696687", False),
        ("web:abc", True),
        (None, False),
    ],
)
def test_machines_and_landlines_get_no_automatic_replies(address: str | None, hears: bool) -> None:
    assert identity.hears_replies(address) is hears


# --- a line linked on the web ----------------------------------------------------------------------------------------


@pytest.fixture
def later() -> Iterator[Any]:
    """Moves the clock on."""
    passed = timedelta()

    def move(time: timedelta) -> None:
        nonlocal passed
        passed += time
        clock.replace(now=lambda: clock._system_now() + passed)

    yield move
    clock.replace()


async def link(runtime: Runtime, texting: Texting, number: str = ANNA, browser: str = BROWSER) -> None:
    """Link a phone to a browser by the code it gets."""
    await identity.send_code(runtime, browser, f"tel:{number}", "en")
    await settle_down(runtime)
    await identity.prove_line(runtime, browser, code_in(texting.to(number)))


async def who(runtime: Runtime, urn: str) -> Known:
    async with runtime.database.reading() as connection:
        found = await citizens.known(connection, runtime.vault, urn)
    assert found
    return found


async def lines_of(runtime: Runtime, urn: str) -> list[Line]:
    person = (await who(runtime, urn)).person
    assert person
    async with runtime.database.reading() as connection:
        return await citizens.lines(connection, runtime.vault, person)


async def dump(runtime: Runtime) -> list[Any]:
    """Who is whom, and by what name."""
    async with runtime.database.reading() as connection:
        wanted = select(tables_citizens.citizens).order_by(tables_citizens.citizens.c.id)
        return [tuple(row) for row in await connection.execute(wanted)]


async def test_a_line_is_linked_by_the_code_it_gets(runtime: Runtime, texting: Texting) -> None:
    taken = await Intake(runtime).take(message("no heating", ANNA))
    await settle_down(runtime)
    await link(runtime, texting)
    assert (await who(runtime, BROWSER)).person == (await who(runtime, f"tel:{ANNA}")).person
    assert [(line.urn, line.proved_at is None) for line in await lines_of(runtime, BROWSER)] == [
        (f"tel:{ANNA}", False),
        (BROWSER, True),
    ]
    assert taken.post_id


async def test_a_number_that_is_nobodys_becomes_the_persons_with_a_citizen_of_its_own(
    runtime: Runtime, texting: Texting
) -> None:
    await link(runtime, texting)
    phone, browser = await who(runtime, f"tel:{ANNA}"), await who(runtime, BROWSER)
    assert phone.person == browser.person
    assert phone.citizen_id != browser.citizen_id


async def test_nobody_learns_whether_a_number_is_known(runtime: Runtime, texting: Texting) -> None:
    await Intake(runtime).take(message("no heating", ANNA))
    await settle_down(runtime)
    before = len(texting.to(ANNA))
    await identity.send_code(runtime, BROWSER, f"tel:{ANNA}", "en")
    await identity.send_code(runtime, BROWSER, f"tel:{BORIS}", "en")
    await settle_down(runtime)
    known, unknown = texting.to(ANNA)[before:], texting.to(BORIS)
    assert [re.sub(r"\d{6}", "", text) for text in known] == [re.sub(r"\d{6}", "", text) for text in unknown]


async def test_an_unproved_number_gets_the_code_and_nothing_else(runtime: Runtime, texting: Texting) -> None:
    taken = await form(runtime, contact=BORIS)
    await identity.send_code(runtime, BROWSER, f"tel:{ANNA}", "en")
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1
    with pytest.raises(BadInput):
        await identity.prove_line(runtime, BROWSER, "not it")
    assert len(await lines_of(runtime, BROWSER)) == 1


async def test_many_guesses_at_once_are_counted_one_by_one(runtime: Runtime, texting: Texting) -> None:
    await identity.send_code(runtime, BROWSER, f"tel:{ANNA}", "en")
    await settle_down(runtime)
    right = code_in(texting.to(ANNA))
    wrong = "000000" if right != "000000" else "111111"
    guesses = [identity.prove_line(runtime, BROWSER, wrong) for _ in range(3 * runtime.settings.intake.code_tries)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(answer, BadInput) for answer in answers) == runtime.settings.intake.code_tries
    with pytest.raises(TooMany):
        await identity.prove_line(runtime, BROWSER, right)


async def test_a_code_proves_nothing_in_another_browser_or_when_it_is_old(
    runtime: Runtime, texting: Texting, later: Any
) -> None:
    other = f"web:{7:032x}"
    await identity.send_code(runtime, BROWSER, f"tel:{ANNA}", "en")
    await settle_down(runtime)
    code = code_in(texting.to(ANNA))
    with pytest.raises(NotFound):
        await identity.prove_line(runtime, other, code)
    later(timedelta(minutes=runtime.settings.intake.code_minutes, seconds=1))
    with pytest.raises(BadInput):
        await identity.prove_line(runtime, BROWSER, code)
    assert (await who(runtime, f"tel:{ANNA}")).citizen_id is None


async def test_a_code_is_good_once(runtime: Runtime, texting: Texting) -> None:
    await link(runtime, texting)
    code, phone = code_in(texting.to(ANNA)), await who(runtime, f"tel:{ANNA}")
    await runtime.database.write(lambda tx: citizens.unlink(tx, str(phone.citizen_id)))
    with pytest.raises(NotFound):
        await identity.prove_line(runtime, BROWSER, code)
    assert len(await lines_of(runtime, BROWSER)) == 1


async def test_codes_are_few_for_a_number_and_for_a_browser(runtime: Runtime, texting: Texting) -> None:
    settings = runtime.settings.intake
    asked = await asyncio.gather(
        *(identity.send_code(runtime, f"web:{n:032x}", f"tel:{ANNA}", "en") for n in range(6)), return_exceptions=True
    )
    assert sum(answer is None for answer in asked) == settings.codes_per_day
    with pytest.raises(BadInput):
        await form(runtime, contact=ANNA)
    for number in range(settings.codes_per_visitor):
        await identity.send_code(runtime, BROWSER, f"tel:+86138001390{number:02}", "en")
    with pytest.raises(TooMany):
        await identity.send_code(runtime, BROWSER, f"tel:{BORIS}", "en")


@pytest.mark.parametrize("named", [None, "phone", "browser", "both"])
async def test_unlinking_gives_exactly_the_state_before(runtime: Runtime, texting: Texting, named: str | None) -> None:
    await Intake(runtime).take(message("no heating", ANNA))
    await form(runtime, contact=BORIS)
    for urn, which in ((f"tel:{ANNA}", "phone"), (BROWSER, "browser")):
        if named in (which, "both"):
            person = (await who(runtime, urn)).person
            await runtime.database.write(lambda tx, p=person, n=which: citizens.choose_name(tx, p, n))  # type: ignore[misc]
    before, browser = await dump(runtime), (await who(runtime, BROWSER)).citizen_id
    for leaving in (browser, (await who(runtime, f"tel:{ANNA}")).citizen_id):
        phone = (await who(runtime, f"tel:{ANNA}")).citizen_id
        await runtime.database.write(lambda tx, p=phone: citizens.link(tx, str(browser), str(p)))  # type: ignore[misc]
        assert await dump(runtime) != before
        await runtime.database.write(lambda tx, one=leaving: citizens.unlink(tx, str(one)))  # type: ignore[misc]
        assert await dump(runtime) == before


@pytest.mark.parametrize("seed", range(5))
async def test_whoever_is_linked_is_one_person_and_points_one_step(runtime: Runtime, seed: int) -> None:
    """Linked and unlinked at random, beside a model that only knows sets."""
    chance = random.Random(seed)
    ids = [f"{number:032x}" for number in range(7)]
    people = [{one} for one in ids]
    rows = [{"id": one, "created_at": clock.now()} for one in ids]
    await runtime.database.write(lambda tx: tx.connection.execute(tables_citizens.citizens.insert(), rows))
    for _ in range(40):
        one, other = chance.sample(ids, 2)
        if chance.random() < 0.5:
            await runtime.database.write(lambda tx, a=one, b=other: citizens.link(tx, a, b))  # type: ignore[misc]
            joined = next(group for group in people if one in group) | next(group for group in people if other in group)
            people = [group for group in people if not group & joined] + [joined]
        else:
            await runtime.database.write(lambda tx, a=one: citizens.unlink(tx, a))  # type: ignore[misc]
            people = [rest for group in people if (rest := group - {one})] + [{one}]
        heads = {row[0]: row[1] or row[0] for row in await dump(runtime)}
        assert {frozenset(i for i in ids if heads[i] == head) for head in heads.values()} == set(map(frozenset, people))
        assert all(heads[head] == head for head in heads.values())


async def test_a_name_stays_with_whoever_had_it(runtime: Runtime, texting: Texting) -> None:
    """Names by line after linking, choosing, and unlinking the line that all point at."""
    await link(runtime, texting, ANNA)
    person = str((await who(runtime, BROWSER)).person)
    await runtime.database.write(lambda tx: citizens.choose_name(tx, person, "Lin"))
    await link(runtime, texting, BORIS)
    assert await name(runtime, f"tel:{BORIS}") == "Lin"
    head = str((await who(runtime, BROWSER)).person)
    await runtime.database.write(lambda tx: citizens.unlink(tx, head))
    names = {urn: await name(runtime, urn) for urn in (BROWSER, f"tel:{ANNA}", f"tel:{BORIS}")}
    assert names == dict.fromkeys(names, "Lin")
    boris = str((await who(runtime, f"tel:{BORIS}")).citizen_id)
    await runtime.database.write(lambda tx: citizens.unlink(tx, boris))
    assert await name(runtime, f"tel:{BORIS}") is None, "it was never chosen for him"


async def name(runtime: Runtime, urn: str) -> str | None:
    person = str((await who(runtime, urn)).person)
    async with runtime.database.reading() as connection:
        return await citizens.name_of(connection, person)


async def test_a_muted_line_hears_what_is_said_on_it_and_nothing_else(runtime: Runtime, texting: Texting) -> None:
    own = await Intake(runtime).take(message("my own report", ANNA))
    await link(runtime, texting, ANNA)
    await link(runtime, texting, BORIS)
    person = str((await who(runtime, BROWSER)).person)
    anna = (await who(runtime, f"tel:{ANNA}")).id
    other = await Intake(runtime).take(message("report of the other phone", BORIS, commands=False))
    await settle_down(runtime)
    await runtime.database.write(lambda tx: citizens.change_line(tx, person, anna, muted_at=clock.now()))
    for taken in (own, other):
        assert taken.post_id
        await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert sum(str(own.ticket) in text and "/posts/" in text for text in texting.to(ANNA)) == 1
    assert not any(str(other.ticket) in text for text in texting.to(ANNA))
    assert sum("/posts/" in text for text in texting.to(BORIS)) == 2


async def test_a_line_hears_in_the_language_chosen_for_it(runtime: Runtime, texting: Texting) -> None:
    own = await Intake(runtime).take(message("my own report", ANNA))
    await link(runtime, texting, ANNA)
    person, line = str((await who(runtime, BROWSER)).person), (await who(runtime, f"tel:{ANNA}")).id
    await runtime.database.write(lambda tx: citizens.change_line(tx, person, line, language="zh", chosen=True))
    assert own.post_id
    await moderation.decide(runtime, own.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert "已发布" in texting.to(ANNA)[-1]


async def test_a_stranger_cannot_change_a_line(runtime: Runtime, texting: Texting) -> None:
    await link(runtime, texting, ANNA)
    await Intake(runtime).take(message("mine", BORIS))
    line, stranger = (await who(runtime, f"tel:{ANNA}")).id, str((await who(runtime, f"tel:{BORIS}")).person)
    with pytest.raises(NotFound):
        await runtime.database.write(lambda tx: citizens.change_line(tx, stranger, line, muted_at=clock.now()))


async def test_a_phone_linked_just_now_does_not_vouch_beside_an_older_one(
    runtime: Runtime, texting: Texting, later: Any
) -> None:
    await link(runtime, texting, ANNA)
    browser = await who(runtime, BROWSER)
    first = await vouching(runtime, browser)
    assert [line.urn for line in first] == [f"tel:{ANNA}"]
    assert await identity.vouched(runtime, browser, first), "it was shown a moment ago"
    later(timedelta(days=2))
    assert not await identity.vouched(runtime, browser, first)
    await link(runtime, texting, BORIS)
    browser = await who(runtime, BROWSER)
    old = await vouching(runtime, browser)
    assert [line.urn for line in old] == [f"tel:{ANNA}"]
    assert not await identity.vouched(runtime, browser, old)
    await link(runtime, texting, ANNA)
    assert await identity.vouched(runtime, browser, old)


async def vouching(runtime: Runtime, browser: Known) -> list[Line]:
    assert browser.person
    return await identity.vouching(runtime, await lines_of(runtime, BROWSER), browser.person)


async def test_the_key_of_a_claimed_line_is_its_citizens(runtime: Runtime, texting: Texting) -> None:
    await link(runtime, texting, ANNA)
    async with runtime.database.reading() as connection:
        lost = select(func.count()).select_from(tables_citizens.keys).where(tables_citizens.keys.c.citizen_id.is_(None))
        assert (await connection.execute(lost)).scalar_one() == 0


@pytest.mark.parametrize(
    ("typed", "urn"),
    [
        ("138 0013 8001", f"tel:{ANNA}"),
        ("+86-13800138001", f"tel:{ANNA}"),
        ("１３８００１３８００１", f"tel:{ANNA}"),
        ("+1 202 555 0123", "tel:+12025550123"),
        ("10086", None),
        ("0571-88881234", None),
        ("hello", None),
        ("", None),
    ],
)
def test_only_mobile_numbers_are_taken(typed: str, urn: str | None) -> None:
    if urn:
        assert identity.mobile(typed, "CN") == urn
    else:
        with pytest.raises(BadInput):
            identity.mobile(typed, "CN")
