"""A typed contact gets one code and nothing else until it is proved; then it hears everything."""

import re
from dataclasses import replace

import pytest

from gateway.errors import BadInput, NotFound, TooMany
from gateway.journey import identity, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Taken
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, message

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
