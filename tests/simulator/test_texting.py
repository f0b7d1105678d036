"""How texts travel, both ways: receipts, the carrier's own words, repeats and failures."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.simulator.app import Simulator
from gateway.simulator.network import Delays
from tests.simulator.conftest import CITIZEN, EMPTY, TinyGateway

INBOUND, STATUS = "/hooks/sms_twilio/inbound", "/hooks/sms_twilio/status"


async def send(api: ClientSession, simulator: Simulator, **more: str) -> tuple[int, dict[str, Any]]:
    form = {"To": CITIZEN, "From": simulator.number, "Body": "Hello"} | more
    async with api.post("Messages.json", data={name: value for name, value in form.items() if value}) as answer:
        return answer.status, await answer.json()


async def test_a_message_is_carried_and_each_step_reported(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    status, message = await send(api, simulator, StatusCallback=tiny.url + STATUS)
    assert (status, message["status"], message["error_code"]) == (201, "queued", None)
    arrived = await simulator.wait_for(CITIZEN, "Hello")
    assert (arrived.sid, arrived.direction) == (message["sid"], "outbound-api")
    await tiny.heard(STATUS, 2)
    assert [told.form["MessageStatus"] for told in tiny.at(STATUS)] == ["sent", "delivered"]
    assert all(told.signed and told.form["SmsSid"] == message["sid"] for told in tiny.at(STATUS))


async def test_a_messaging_service_accepts_before_it_queues(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    service = "MG" + "0" * 32
    _, message = await send(api, simulator, From="", MessagingServiceSid=service, StatusCallback=tiny.url + STATUS)
    assert (message["status"], message["messaging_service_sid"]) == ("accepted", service)
    await tiny.heard(STATUS, 3)
    assert [told.form["MessageStatus"] for told in tiny.at(STATUS)] == ["queued", "sent", "delivered"]


async def test_nothing_reaches_a_handset_that_is_off(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    simulator.switch(CITIZEN, on=False)
    await send(api, simulator, StatusCallback=tiny.url + STATUS)
    await tiny.heard(STATUS, 2)
    last = tiny.at(STATUS)[-1].form
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30003")
    assert simulator.handset(CITIZEN).received == []
    simulator.switch(CITIZEN, on=True)
    await send(api, simulator, Body="Again")
    await simulator.wait_for(CITIZEN, "Again")


@pytest.mark.parametrize(
    ("out_of_order", "repeats", "statuses"),
    [
        (True, 0, ["delivered", "sent"]),
        (False, 1, ["sent", "sent", "delivered", "delivered"]),
        (True, 2, ["delivered"] * 3 + ["sent"] * 3),
    ],
)
async def test_receipts_go_wrong_as_told(
    simulator: Simulator,
    api: ClientSession,
    tiny: TinyGateway,
    out_of_order: bool,
    repeats: int,
    statuses: list[str],
) -> None:
    simulator.faults.receipts_out_of_order, simulator.faults.repeat_receipts = out_of_order, repeats
    await send(api, simulator, StatusCallback=tiny.url + STATUS)
    await tiny.heard(STATUS, len(statuses))
    assert [told.form["MessageStatus"] for told in tiny.at(STATUS)] == statuses


REFUSED = [
    ({"To": ""}, 21604),
    ({"To": "12345"}, 21211),
    ({"To": "+0123456789"}, 21211),
    ({"From": ""}, 21603),
    ({"From": "+8613800000000"}, 21606),
    ({"From": "", "MessagingServiceSid": "nonsense"}, 21701),
    ({"Body": ""}, 21602),
    ({"Body": "x" * 1601}, 21617),
    ({"StatusCallback": "http://example.com/status"}, 21609),
    ({"ValidityPeriod": "36001"}, 21625),
]


@pytest.mark.parametrize(("change", "code"), REFUSED, ids=lambda value: str(value)[:40])
async def test_bad_messages_are_refused_as_twilio_does(
    simulator: Simulator, api: ClientSession, change: dict[str, str], code: int
) -> None:
    status, error = await send(api, simulator, **change)
    assert (status, error["code"], error["status"]) == (400, code, 400)
    assert error["more_info"].endswith(str(code))


async def test_the_longest_body_is_taken(simulator: Simulator, api: ClientSession) -> None:
    status, message = await send(api, simulator, Body="字" * 1600)
    assert (status, message["num_segments"]) == (201, "24")


async def test_a_text_is_told_signed_with_all_parameters(simulator: Simulator, tiny: TinyGateway) -> None:
    assert await simulator.text(CITIZEN, " 路灯坏了 & more ") == [200]
    (told,) = tiny.at(INBOUND)
    assert told.signed
    sid = told.form["MessageSid"]
    assert sid.startswith("SM")
    assert len(sid) == 34
    expected = {"SmsSid": sid, "SmsMessageSid": sid, "AccountSid": simulator.account_sid, "Body": " 路灯坏了 & more "}
    expected |= {"From": CITIZEN, "To": simulator.number, "NumMedia": "0", "NumSegments": "1", "SmsStatus": "received"}
    expected |= {"FromCity": "", "FromCountry": "CN", "ToZip": "", "ApiVersion": "2010-04-01"}
    assert expected.items() <= told.form.items()
    assert "OptOutType" not in told.form


@pytest.mark.parametrize(
    ("answers", "statuses", "error"),
    [
        ([EMPTY], [200], None),
        ([503, EMPTY], [503, 200], None),
        ([500, 500], [500, 500], 11200),
        ([403], [403], 11200),
        (["<Response><Message>"], [200], 12100),
    ],
)
async def test_a_text_is_repeated_once_and_its_fate_shown(
    simulator: Simulator, tiny: TinyGateway, answers: list[str | int], statuses: list[int], error: int | None
) -> None:
    tiny.answers[INBOUND] = answers
    assert await simulator.text(CITIZEN, "Hello") == statuses
    (message,) = simulator.handset(CITIZEN).messages
    assert (message.status, message.error) == ("received", error)
    assert len({told.form["MessageSid"] for told in tiny.told}) == 1
    assert len({told.idempotency for told in tiny.told}) == 1
    assert tiny.told[0].idempotency


async def test_a_gateway_that_is_away_is_no_answer(simulator: Simulator, unused_tcp_port: int) -> None:
    simulator.gateway_url = f"http://127.0.0.1:{unused_tcp_port}"
    assert await simulator.text(CITIZEN, "Hello") == [0, 0]
    assert simulator.handset(CITIZEN).messages[-1].error == 11200


async def test_one_message_can_be_told_again(simulator: Simulator, tiny: TinyGateway) -> None:
    sid = "SM" + "a" * 32
    assert await simulator.text(CITIZEN, "Hello", message_sid=sid, repeat=2) == [200, 200]
    assert await simulator.text(CITIZEN, "Hello", message_sid=sid) == [200]
    assert [told.form["MessageSid"] for told in tiny.told] == [sid] * 3
    assert len(simulator.handset(CITIZEN).messages) == 1


@pytest.mark.parametrize(
    ("answer", "type_", "words"),
    [
        ("<Response><Message>Got it</Message></Response>", "text/xml", "Got it"),
        ("<Response><Message><Body>Got it</Body></Message></Response>", "application/xml", "Got it"),
        ("Got it", "text/plain", "Got it"),
    ],
)
async def test_what_the_webhook_answers_is_sent_back(
    simulator: Simulator, tiny: TinyGateway, answer: str, type_: str, words: str
) -> None:
    tiny.answers[INBOUND], tiny.types[INBOUND] = [answer], type_
    await simulator.text(CITIZEN, "Hello")
    reply = await simulator.wait_for(CITIZEN, words)
    assert (reply.body, reply.direction) == (words, "outbound-reply")


@pytest.mark.parametrize("word", ["STOP", " stopall ", "Unsubscribe", "CANCEL", "end", "QUIT"])
async def test_stop_blocks_until_start(simulator: Simulator, api: ClientSession, tiny: TinyGateway, word: str) -> None:
    await simulator.text(CITIZEN, word)
    await simulator.wait_for(CITIZEN, "START")
    status, error = await send(api, simulator)
    assert (status, error["code"]) == (400, 21610)
    tiny.answers[INBOUND] = ["<Response><Message>Never heard</Message></Response>"]
    await simulator.text(CITIZEN, "A report")
    await simulator.text(CITIZEN, "start")
    await simulator.wait_for(CITIZEN, "HELP")
    assert (await send(api, simulator, Body="Back again"))[0] == 201
    await simulator.wait_for(CITIZEN, "Back again")
    heard = [message.body for message in simulator.handset(CITIZEN).received]
    assert heard.count("Never heard") == 1, "only the reply after START"
    assert [told.form["Body"] for told in tiny.at(INBOUND)] == [word, "A report", "start"]


@pytest.mark.parametrize("word", ["STOP it", "please stop", "YESTERDAY", "help me"])
async def test_a_word_within_a_sentence_is_no_command(simulator: Simulator, word: str) -> None:
    await simulator.text(CITIZEN, word)
    await asyncio.sleep(0.05)
    assert simulator.handset(CITIZEN).received == []
    assert not simulator.handset(CITIZEN).opted_out


@pytest.mark.parametrize(("word", "kind"), [("stop", "STOP"), ("YES", "START"), ("info", "HELP")])
async def test_advanced_opt_out_says_what_it_made_of_a_word(tiny: TinyGateway, word: str, kind: str) -> None:
    simulator = Simulator(gateway_url=tiny.url, advanced_opt_out=True, delays=Delays())
    await simulator.start()
    try:
        await simulator.text(CITIZEN, word)
        await simulator.text(CITIZEN, "Hello")
        assert [told.form.get("OptOutType") for told in tiny.told] == [kind, None]
    finally:
        await simulator.stop()
