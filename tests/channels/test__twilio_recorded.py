"""Calls led by documents as staff follow them: each step, the ticket, the end, and how many there may be."""

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from channels._twilio_recorded import DIALLED, RECORDED, RECORDING, TURN
from channels.voice_twilio import ANSWER
from gateway.errors import EverylineError
from tests.channels.line_world import NotedLine
from tests.channels.test_voice_twilio import make, reach_the_tone, script, verbs
from tests.channels.twilio_world import TICKET, NotedDesk, hook, payload, serve

CALL = "CA" + "0" * 31 + "1"

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> object:
    return make(http, str(api.make_url("/")), person="+86571000000")


def shown(desk: NotedDesk) -> tuple[list[str], str | None, str | None]:
    line = desk.lines[CALL]
    return line.steps, line.ticket, line.how


async def test_staff_see_each_step_and_the_ticket(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    await reach_the_tone(http, gateway)
    assert shown(desk) == (["language", "menu", "speaking"], None, None)
    await script(http, gateway, f"{RECORDED}?turn=3", "recorded_hash_key")
    assert shown(desk) == (["language", "menu", "speaking", "ending"], TICKET, None)
    told = await script(http, gateway, f"{TURN}?turn=4", "keys_none")
    assert verbs(told)[-1] == "Hangup"
    assert shown(desk)[2] == "finished"


async def test_who_hangs_up_while_he_is_recorded_is_seen_to(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    await reach_the_tone(http, gateway)
    await script(http, gateway, f"{RECORDED}?turn=3", "recorded_hangup")
    assert shown(desk)[1:] == (TICKET, "hung_up")


async def test_who_is_put_through_is_seen_to(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    await script(http, gateway, ANSWER, "answer")
    await script(http, gateway, f"{TURN}?turn=1", "keys_two")
    await script(http, gateway, f"{TURN}?turn=2", "keys_zero")
    assert shown(desk) == (["language", "menu", "transfer"], None, None)
    await script(http, gateway, f"{DIALLED}?turn=3", "dialled_completed")
    assert shown(desk)[2] == "transferred"


async def test_a_request_that_comes_twice_is_one_step(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    await reach_the_tone(http, gateway)
    await script(http, gateway, f"{TURN}?turn=2", "keys_one")
    assert shown(desk)[0] == ["language", "menu", "speaking"]


async def test_a_call_lasts_as_long_as_its_step_may(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    """Nobody tells us of a caller who puts the phone down between two requests."""
    lasting = []
    await script(http, gateway, ANSWER, "answer")
    for turn, keys in (("1", "keys_two"), ("2", "keys_one")):
        lasting.append(desk.lines[CALL].within or 0)
        await script(http, gateway, f"{TURN}?turn={turn}", keys)
    language, menu, speaking = (*lasting, desk.lines[CALL].within or 0)
    assert 60 < language < menu < 300, "more is said in the menu"
    assert speaking > 120 + 60, "the longest recording, and time to come back"


async def test_one_call_too_many_is_asked_to_call_again(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    desk.most_lines = 0
    told = await script(http, gateway, ANSWER, "answer")
    assert [(verb.tag, verb.text) for verb in told] == [
        ("Say", "抱歉，现在无法接听，请过几分钟再打。"),
        ("Hangup", None),
    ]
    assert not desk.kept


async def test_who_is_on_the_line_already_is_never_turned_away(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    """Not even when his call was forgotten meanwhile: what he said is kept."""
    await reach_the_tone(http, gateway)
    desk.most_lines = 1
    assert verbs(await script(http, gateway, ANSWER, "answer")) == ["Gather", "Redirect"]
    desk.lines.clear()
    desk.most_lines = 0
    await script(http, gateway, f"{RECORDED}?turn=4", "recorded_hash_key")
    assert len(desk.taken) == 1
    assert (await hook(http, gateway, RECORDING, payload("voice_twilio", "recording_completed"))).status == 204


async def test_what_cannot_be_shown_does_not_trouble_the_caller(
    http: ClientSession, gateway: TestServer, desk: NotedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await script(http, gateway, ANSWER, "answer")

    async def fail(*_: object, **__: object) -> NotedLine:
        raise EverylineError("the disk is full")

    monkeypatch.setattr(desk, "on_the_line", fail)
    assert verbs(await script(http, gateway, f"{TURN}?turn=1", "keys_two")) == ["Gather", "Redirect"]
    await script(http, gateway, f"{TURN}?turn=2", "keys_one")
    assert verbs(await script(http, gateway, f"{RECORDED}?turn=3", "recorded_hangup")) == ["Hangup"]
    assert len(desk.taken) == 1


async def test_whoever_was_recorded_is_asked_if_the_radio_may_play_it(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    desk.voices = True
    await reach_the_tone(http, gateway)
    told = await script(http, gateway, f"{RECORDED}?turn=3", "recorded_hash_key")
    assert "in your own voice, press 4" in "".join(say.text or "" for say in told[0])
    assert [one.own_voice for one in desk.taken] == [False], "nobody agrees by saying nothing"
    for _ in range(2):  # the carrier's repeat is no second word
        told = await script(http, gateway, f"{TURN}?turn=4", "keys_four")
        assert "the radio may play it" in (told[0][0].text or "")
    assert desk.heard == ["p1"]
    assert (await hook(http, gateway, RECORDING, payload("voice_twilio", "recording_completed"))).status == 204
    assert len({one.external_id for one in desk.taken}) == 1


async def test_who_is_in_danger_is_put_through_and_otherwise_told_whom_to_call(
    http: ClientSession, api: TestServer, desk: NotedDesk
) -> None:
    gateway = await serve(make(http, str(api.make_url("/")), emergency="+86571000110"), desk)
    try:
        await script(http, gateway, ANSWER, "answer")
        await script(http, gateway, f"{TURN}?turn=1", "keys_two")
        told = await script(http, gateway, f"{TURN}?turn=2", "keys_five")
        assert "hang up now and call 1 1 0" in (told[0][0].text or "")
        told = await script(http, gateway, f"{TURN}?turn=3", "keys_five")
        assert verbs(told) == ["Say", "Dial"]
        assert told[1].text == "+86571000110"
        told = await script(http, gateway, f"{DIALLED}?turn=4", "dialled_no_answer")
        assert (told[0][0].text, "call 1 1 0" in (told[0][1].text or "")) == ("We could not put you through.", True)
        assert shown(desk)[0] == ["language", "menu", "emergency", "emergency transfer", "emergency"]
    finally:
        await gateway.close()
