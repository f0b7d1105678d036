"""The carrier's API: credentials, lists and their pages, recordings, and calls that go wrong on purpose."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth

from gateway.simulator.app import Simulator
from gateway.simulator.samples import samples
from tests.simulator.conftest import CITIZEN, TinyGateway

OTHER = "+8613800138002"


async def get(api: ClientSession, path: str, **query: str) -> dict[str, Any]:
    async with api.get(path, params=query) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


@pytest.mark.parametrize("credentials", [None, "Bearer x", "Basic ???", ("AC1", "x"), ("sid", "wrong"), ("", "")])
@pytest.mark.parametrize(("method", "path"), [("GET", "Messages.json"), ("POST", "Messages.json"), ("GET", "x")])
async def test_only_the_account_may_call(
    simulator: Simulator, page: ClientSession, credentials: object, method: str, path: str
) -> None:
    header: dict[str, str] = {}
    if isinstance(credentials, tuple):
        sid = simulator.account_sid if credentials[0] == "sid" else credentials[0]
        header = {"Authorization": encode_basic_auth(sid, credentials[1])}
    elif isinstance(credentials, str):
        header = {"Authorization": credentials}
    async with page.request(method, f"/2010-04-01/Accounts/{simulator.account_sid}/{path}", headers=header) as answer:
        error = await answer.json()
        assert (answer.status, error["code"], error["status"]) == (401, 20003, 401)
        assert error["more_info"]
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


async def test_each_simulator_has_its_own_secrets() -> None:
    one, two = (Simulator(gateway_url="http://127.0.0.1:1") for _ in range(2))
    assert len({one.account_sid, two.account_sid, one.auth_token, two.auth_token}) == 4
    assert len(one.account_sid) == 34
    assert one.auth_token not in repr(vars(one))


async def test_the_account_and_its_number_can_be_read(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    account = await get(api, f"../{simulator.account_sid}.json")
    assert (account["sid"], account["status"]) == (simulator.account_sid, "active")
    numbers = await get(api, "IncomingPhoneNumbers.json")
    (number,) = numbers["incoming_phone_numbers"]
    assert number["phone_number"] == simulator.number
    assert number["sms_url"] == f"{tiny.url}/hooks/sms_twilio/inbound#rc=1&rp=ct,rt,5xx"
    assert number["voice_fallback_url"] == f"{tiny.url}/hooks/voice_twilio/answer"
    assert (await get(api, "IncomingPhoneNumbers.json", PhoneNumber=OTHER))["incoming_phone_numbers"] == []


MISSING = ["Messages/SM1.json", "Messages/SM1/Media.json", "Messages/SM1/Media/ME1", "Recordings/RE1", "Calls/CA1.json"]


@pytest.mark.parametrize("path", [*MISSING, "Nothing.json", "Calls.json"])
async def test_what_is_not_there_is_404(api: ClientSession, path: str) -> None:
    async with api.get(path) as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, 20404)


async def test_another_account_is_404(api: ClientSession) -> None:
    async with api.get(f"../AC{'0' * 32}/Messages.json") as answer:
        assert answer.status == 404


async def test_messages_both_ways_are_listed_newest_first(simulator: Simulator, api: ClientSession) -> None:
    await simulator.text(CITIZEN, "one")
    await simulator.text(OTHER, "two")
    async with api.post("Messages.json", data={"To": OTHER, "From": simulator.number, "Body": "three"}) as answer:
        sid = (await answer.json())["sid"]
    await simulator.wait_for(OTHER, "three")
    today = datetime.now(UTC)
    for query, bodies in (
        ({}, ["three", "two", "one"]),
        ({"To": simulator.number}, ["two", "one"]),
        ({"From": CITIZEN}, ["one"]),
        ({"To": OTHER, "From": simulator.number}, ["three"]),
        ({"DateSent": f"{today:%Y-%m-%d}"}, ["three", "two", "one"]),
        ({"DateSent": "2001-01-01"}, []),
        ({"DateSent>": f"{today - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, ["three", "two", "one"]),
        ({"DateSent>": f"{today + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, []),
        ({"DateSent<": f"{today - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, []),
        ({"DateSent<": f"{today + timedelta(days=1):%Y-%m-%d}"}, ["three", "two", "one"]),
    ):
        listed = (await get(api, "Messages.json", **query))["messages"]
        assert [message["body"] for message in listed] == bodies, query
    one = await get(api, f"Messages/{sid}.json")
    assert (one["status"], one["direction"], one["price"]) == ("delivered", "outbound-api", None)
    assert abs(parsedate_to_datetime(one["date_sent"]) - today) < timedelta(minutes=1)


async def test_pages_follow_each_other_though_messages_arrive(simulator: Simulator, api: ClientSession) -> None:
    for number in range(5):
        await simulator.text(CITIZEN, f"text {number}")
    first = await get(api, "Messages.json", To=simulator.number, PageSize="2")
    await simulator.text(CITIZEN, "late")
    bodies, following = [message["body"] for message in first["messages"]], first["next_page_uri"]
    while following:
        listed = await get(api, following)
        assert listed["page_size"] == 2
        bodies += [message["body"] for message in listed["messages"]]
        following = listed["next_page_uri"]
    assert bodies == [f"text {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(("path", "name"), [("Messages.json", "DateSent"), ("Recordings.json", "DateCreated>")])
async def test_a_bad_date_is_refused(api: ClientSession, path: str, name: str) -> None:
    async with api.get(path, params={name: "yesterday"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, 20001)


async def test_an_inbound_text_nobody_took_is_still_listed(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    tiny.answers["/hooks/sms_twilio/inbound"] = [500]
    await simulator.text(CITIZEN, "lost?")
    (message,) = (await get(api, "Messages.json", To=simulator.number))["messages"]
    assert (message["body"], message["status"], message["error_code"]) == ("lost?", "received", 11200)


async def test_a_recording_can_be_fetched_when_ready_and_deleted(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    sample = next(iter(samples().values()))
    tiny.answers["/hooks/voice_twilio/answer"] = ['<Response><Record action="/done"/></Response>']
    log = await simulator.call(CITIZEN, wav=sample.path)
    async with api.get(f"Recordings/{log.recording_sid}") as answer:
        assert answer.status == 404, "not ready yet"
    assert (await get(api, f"Recordings/{log.recording_sid}.json"))["status"] == "processing"
    await asyncio.sleep(0.1)
    for name, status in (
        (f"{log.recording_sid}", 200),
        (f"{log.recording_sid}.wav", 200),
        (f"{log.recording_sid}.mp3", 404),
    ):
        async with api.get(f"Recordings/{name}") as answer:
            assert answer.status == status, name
            if status == 200:
                assert answer.content_type == "audio/x-wav"
                assert await answer.read() == sample.path.read_bytes()
    async with api.delete(f"Recordings/{log.recording_sid}.json") as answer:
        assert answer.status == 204
    async with api.get(f"Recordings/{log.recording_sid}") as answer:
        assert answer.status == 404


async def test_recordings_are_listed_newest_first_and_their_calls_known(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    sample, now = next(iter(samples().values())), datetime.now(UTC)
    tiny.answers["/hooks/voice_twilio/answer"] = ['<Response><Record action="/done"/></Response>']
    logs = [await simulator.call(number, wav=sample.path) for number in (CITIZEN, OTHER, CITIZEN)]
    sids = [log.recording_sid for log in reversed(logs)]
    for query, expected in (
        ({}, sids),
        ({"CallSid": logs[1].sid}, sids[1:2]),
        ({"DateCreated": f"{now:%Y-%m-%d}"}, sids),
        ({"DateCreated>": f"{now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, sids),
        ({"DateCreated>": f"{now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, []),
        ({"DateCreated<": f"{now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}, []),
    ):
        listed = (await get(api, "Recordings.json", **query))["recordings"]
        assert [recording["sid"] for recording in listed] == expected, query
    first = await get(api, "Recordings.json", PageSize="2")
    second = await get(api, first["next_page_uri"])
    both = first["recordings"] + second["recordings"]
    assert [recording["sid"] for recording in both] == sids
    assert second["next_page_uri"] is None
    call = await get(api, f"Calls/{logs[1].sid}.json")
    assert (call["from"], call["to"], call["direction"], call["status"]) == (
        OTHER,
        simulator.number,
        "inbound",
        "completed",
    )


@pytest.mark.parametrize(("fault", "status", "code"), [("throttle", 429, 20429), ("error", 500, 20500)])
async def test_the_next_calls_fail(
    simulator: Simulator, api: ClientSession, fault: str, status: int, code: int
) -> None:
    simulator.faults.arm(fault, 2)
    for expected in (status, status, 200):
        async with api.get("Messages.json") as answer:
            assert answer.status == expected
            if expected != 200:
                assert (await answer.json())["code"] == code


async def test_sends_alone_may_fail(simulator: Simulator, api: ClientSession) -> None:
    simulator.faults.arm("error", sends_only=True)
    await get(api, "Messages.json")
    async with api.post("Messages.json", data={"To": CITIZEN, "From": simulator.number, "Body": "x"}) as answer:
        assert answer.status == 500
    simulator.faults.arm("error")
    simulator.faults.clear()
    await get(api, "Messages.json")


async def test_a_hanging_call_has_sent_its_message(simulator: Simulator, api: ClientSession) -> None:
    simulator.faults.arm("hang", seconds=30)
    form = {"To": CITIZEN, "From": simulator.number, "Body": "unsure"}
    with pytest.raises(TimeoutError):
        await api.post("Messages.json", data=form, timeout=ClientTimeout(total=0.2))
    assert (await simulator.wait_for(CITIZEN, "unsure")).body == "unsure"


async def test_a_closed_connection_sends_nothing(simulator: Simulator, api: ClientSession) -> None:
    simulator.faults.arm("close")
    with pytest.raises(ClientError):
        await api.post("Messages.json", data={"To": CITIZEN, "From": simulator.number, "Body": "gone"})
    await asyncio.sleep(0.05)
    assert simulator.handset(CITIZEN).received == []


async def test_a_call_of_the_gateway_is_heard_and_answered_by_a_key(
    simulator: Simulator, api: ClientSession, page: ClientSession, tiny: TinyGateway
) -> None:
    tiny.answers["/claimed"] = ["<Response><Say>thank you</Say><Hangup/></Response>"]
    gather = f'<Gather numDigits="1" timeout="8" action="{tiny.url}/claimed"><Say>press one</Say></Gather>'
    form = {"To": OTHER, "From": simulator.number, "Twiml": f"<Response>{gather}<Hangup/></Response>"}
    async with api.post("Calls.json", data=form) as answer:
        assert answer.status == 201
        call = await answer.json()
    assert (call["direction"], call["to"], call["status"]) == ("outbound-api", OTHER, "in-progress")
    async with page.post(f"/handsets/calls/{call['sid']}/keys", json={"keys": "1"}) as answer:
        assert answer.status < 300
    [told] = await tiny.heard("/claimed", 1)
    assert (told.form["Digits"], told.form["To"], told.signed) == ("1", OTHER, True)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"To": "nobody"}, 21211), ({"From": OTHER}, 21210), ({"Twiml": ""}, 21205), ({"Twiml": "<Other/>"}, 21205)],
)
async def test_a_call_that_cannot_be_is_refused(
    simulator: Simulator, api: ClientSession, wrong: dict[str, str], code: int
) -> None:
    form = {"To": OTHER, "From": simulator.number, "Twiml": "<Response/>", **wrong}
    async with api.post("Calls.json", data=form) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, code)
