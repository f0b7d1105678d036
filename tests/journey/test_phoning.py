"""What callers are told of a ticket and of the news: in words for the ear, and no more than each may know."""

import pytest

from channels import _call, _call_messages, _call_state
from gateway.casework import cases
from gateway.journey import moderation, phoning, tickets
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message

LAMP, PIPE, CREW = "the lamp at the park is broken", "water pipe leaking on north street", "A crew comes this evening."
OWN, OTHER = f"tel:{ANNA}", f"tel:{BORIS}"


async def report(runtime: Runtime, text: str, *, publish: bool = True, private: bool = False) -> str:
    """Anna's report of a text; gives its ticket."""
    taken = await Intake(runtime).take(message(text, ANNA, commands=False, language="en", private=private))
    assert taken.post_id
    assert taken.ticket
    if publish:
        await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken.ticket


async def told(runtime: Runtime, ticket: str, address: str | None, language: str = "en") -> list[str] | None:
    return await phoning.spoken_status(runtime, ticket, address, language)


async def test_a_ticket_that_waits_is_said_to_wait_in_either_language(runtime: Runtime) -> None:
    ticket = await report(runtime, LAMP, publish=False)
    assert await told(runtime, ticket, None) == [f"Ticket {ticket}. waiting for review. No department yet."]
    assert await told(runtime, ticket, None, "zh") == [f"编号{ticket}。待审核。尚未分派部门。"]


@pytest.mark.parametrize("address", [OWN, OTHER, "tel:+8613800138099", None])
async def test_a_public_answer_is_heard_by_everybody(runtime: Runtime, address: str | None) -> None:
    ticket = await report(runtime, PIPE)
    await cases.answer(runtime, ticket, CREW, "water", actor="of")
    assert await told(runtime, ticket, address) == [f"Ticket {ticket}. published. Answered.", "Water answers:", CREW]


@pytest.mark.parametrize(("address", "hears"), [(OWN, True), (OTHER, False), (None, False)])
async def test_an_answer_that_is_not_public_is_heard_by_its_author_alone(
    runtime: Runtime, address: str | None, hears: bool
) -> None:
    ticket = await report(runtime, PIPE, private=True)
    await cases.answer(runtime, ticket, CREW, "water", actor="of")
    sentences = await told(runtime, ticket, address)
    assert sentences
    assert (CREW in sentences) is hears
    assert not any(PIPE in sentence for sentence in sentences)


async def test_the_newest_answer_is_the_one_told(runtime: Runtime) -> None:
    ticket = await report(runtime, PIPE)
    for text in (CREW, "It is mended."):
        await cases.answer(runtime, ticket, text, "water", actor="of")
    assert ((await told(runtime, ticket, None)) or [])[-1] == "It is mended."


async def test_a_withdrawn_answer_is_told_no_more(runtime: Runtime) -> None:
    ticket = await report(runtime, PIPE)
    answer = await cases.answer(runtime, ticket, CREW, "water", actor="of")
    await moderation.decide(runtime, answer, Action.WITHDRAW, actor="mo", reason="personal")
    assert CREW not in ((await told(runtime, ticket, OWN)) or [])


@pytest.mark.parametrize(
    "keyed", ["", "1", "4821705", "48217050", "00000000", "482170531", "4821*053", "４８２１７０５３"]
)
async def test_what_cannot_be_a_ticket_is_not_looked_up(
    runtime: Runtime, keyed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phoning, "looking_up", None)  # whoever asked the store would fail
    assert await told(runtime, keyed, OWN) is None


async def test_a_ticket_that_nobody_got_is_unknown(runtime: Runtime) -> None:
    assert await told(runtime, tickets.draw(1)[0], OWN) is None


async def test_the_language_chosen_on_another_line_is_known(runtime: Runtime) -> None:
    assert await phoning.chosen_language(runtime, OWN) is None
    await Intake(runtime).take(message("the lamp is broken", ANNA))
    assert await phoning.chosen_language(runtime, OWN) is None, "what somebody writes in is no choice"
    await Intake(runtime).take(message("LANGUAGE CHINESE", ANNA))
    assert await phoning.chosen_language(runtime, OWN) == "zh"
    await Intake(runtime).take(message("LANGUAGE ENGLISH", ANNA))
    assert await phoning.chosen_language(runtime, OWN) == "en"
    assert await phoning.chosen_language(runtime, OTHER) is None


async def test_a_caller_judges_the_answer_to_his_own_report_once(runtime: Runtime, texting: Texting) -> None:
    ticket = await report(runtime, PIPE)
    assert not await phoning.asks_mark(runtime, ticket, OWN)
    await cases.answer(runtime, ticket, CREW, "water", actor="of")
    for stranger in (OTHER, "tel:+8613800138099", None):
        assert not await phoning.asks_mark(runtime, ticket, stranger)
    assert not await phoning.asks_mark(runtime, "12345678", OWN)
    assert await phoning.asks_mark(runtime, ticket, OWN)
    await settle_down(runtime)
    told_before = len(texting.sent)
    taken = await Intake(runtime).take(
        _call_messages.mark(_call_state.Call("voice", "CA1", OWN, language="en", asked=ticket), "4")
    )
    await settle_down(runtime)
    assert taken.say.phrase in _call.JUDGED
    # He hears it on the phone; no paid text message says it again.
    assert len(texting.sent) == told_before
    assert not await phoning.asks_mark(runtime, ticket, OWN)
