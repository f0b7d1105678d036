"""The page and the JSON behind it: what it shows, what it changes, and who may not."""

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from PIL import ExifTags, Image

from gateway.simulator.app import Simulator
from gateway.simulator.handsets import CITIZENS, MOST_SHOWN
from gateway.simulator.pictures import pictures
from gateway.simulator.samples import samples
from tests.simulator.conftest import CITIZEN, TinyGateway

ANSWER = "/hooks/voice_twilio/answer"
NEW = "+8613800138009"


async def post(page: ClientSession, path: str, **data: Any) -> tuple[int, dict[str, Any]]:
    async with page.post(path, json=data) as answer:
        return answer.status, await answer.json()


async def event(stream: ClientResponse, name: str) -> dict[str, Any]:
    """The next event of one kind."""
    async with asyncio.timeout(3):
        while (await stream.content.readline()).decode().strip() != f"event: {name}":
            pass
        data: dict[str, Any] = json.loads((await stream.content.readline()).decode().removeprefix("data: "))
        return data


@pytest.mark.parametrize(
    ("lang", "words"), [("en", ["Simulator", "Nothing leaves this machine"]), ("zh", ["模拟器", "不会离开本机"])]
)
async def test_the_page_says_what_it_is(page: ClientSession, lang: str, words: list[str]) -> None:
    async with page.get("/", params={"lang": lang}) as answer:
        text = await answer.text()
        assert answer.status == 200
        assert all(word in text for word in words)
        assert f'<html lang="{lang}">' in text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert "style=" not in text
        assert "<script>" not in text
        assert "//" not in text.replace("<!doctype", "").replace("https://", "//"), "no link to anywhere else"


@pytest.mark.parametrize("path", ["/static/handsets.css", "/static/handsets.js", "/static/handsets.svg"])
async def test_its_files_are_served(page: ClientSession, path: str) -> None:
    async with page.get(path) as answer:
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/page.py", "/static/..%2fapp.py", "/handsets/samples/x.wav", "/handsets/pictures/x.jpg"]
)
async def test_other_files_are_not(page: ClientSession, path: str) -> None:
    async with page.get(path) as answer:
        assert answer.status == 404


async def test_samples_can_be_heard(page: ClientSession) -> None:
    for sample in samples().values():
        async with page.get(f"/handsets/samples/{sample.id}.wav") as answer:
            assert await answer.read() == sample.path.read_bytes()


async def test_a_text_from_the_page_goes_out_and_is_seen_live(simulator: Simulator, page: ClientSession) -> None:
    async with page.get("/handsets/events") as stream:
        state = await event(stream, "state")
        assert [handset["number"] for handset in state["handsets"]] == list(CITIZENS)
        assert await post(page, f"/handsets/{CITIZEN}/text", body="Hello") == (200, {"statuses": [200]})
        for status in ("receiving", "received"):
            message = await event(stream, "message")
            assert (message["body"], message["mine"], message["status"]) == ("Hello", True, status)
    async with page.get("/handsets/state") as answer:
        assert (await answer.json())["handsets"][0]["messages"][0]["body"] == "Hello"


async def test_what_is_attached_on_the_page_goes_out(
    simulator: Simulator, page: ClientSession, tiny: TinyGateway
) -> None:
    voice = next(iter(samples()))
    card = {"type": "text/vcard", "data": base64.b64encode(b"BEGIN:VCARD").decode()}
    media = [{"sample": "pothole"}, {"sample": voice}, card]
    assert await post(page, f"/handsets/{CITIZEN}/text", body="", media=media) == (200, {"statuses": [200]})
    (told,) = tiny.at("/hooks/sms_twilio/inbound")
    assert [told.form[f"MediaContentType{n}"] for n in range(3)] == ["image/jpeg", "audio/wav", "text/vcard"]
    async with page.get("/handsets/state") as answer:
        message = (await answer.json())["handsets"][0]["messages"][0]
    assert [file["type"] for file in message["media"]] == ["image/jpeg", "audio/wav", "text/vcard"]
    for file, kept, shown in zip(
        message["media"],
        (pictures()["pothole"].path.read_bytes(), samples()[voice].path.read_bytes(), b"BEGIN:VCARD"),
        ("inline", "inline", "attachment"),
        strict=True,
    ):
        async with page.get(f"/handsets/media/{file['sid']}") as answer:
            assert await answer.read() == kept
            assert answer.headers["Content-Disposition"] == shown
            assert "sandbox" in answer.headers["Content-Security-Policy"]


async def test_pictures_can_be_seen_and_one_knows_its_place(page: ClientSession) -> None:
    for picture in pictures().values():
        async with page.get(f"/handsets/pictures/{picture.id}.jpg") as answer:
            assert (answer.content_type, await answer.read()) == ("image/jpeg", picture.path.read_bytes())
    places = {one.id: Image.open(one.path).getexif().get_ifd(ExifTags.IFD.GPSInfo) for one in pictures().values()}
    assert {name for name, place in places.items() if place} == {"pothole"}
    assert places["pothole"][ExifTags.GPS.GPSLatitude][:2] == (30.0, 16.0)


async def test_a_phone_can_be_added_and_shows_what_it_had(simulator: Simulator, page: ClientSession) -> None:
    await simulator.text(NEW, "Before")
    async with page.get("/handsets/events") as stream:
        assert NEW not in [handset["number"] for handset in (await event(stream, "state"))["handsets"]]
        status, handset = await post(page, "/handsets", number="+86 138-0013 8009")
        assert (status, handset["number"]) == (201, NEW)
        assert (await event(stream, "handset"))["messages"][0]["body"] == "Before"


async def test_the_page_has_room_for_so_many_phones(page: ClientSession) -> None:
    statuses = [(await post(page, "/handsets", number=f"+86138001390{n:02}"))[0] for n in range(MOST_SHOWN)]
    assert statuses.count(201) == MOST_SHOWN - len(CITIZENS)
    assert statuses[-1] == 409


async def test_a_phone_can_be_switched_off_and_on(simulator: Simulator, page: ClientSession) -> None:
    for on in (False, True):
        assert await post(page, f"/handsets/{CITIZEN}/power", on=on) == (200, {"on": on})
        assert simulator.handset(CITIZEN).on is on


async def test_a_call_from_the_page_is_watched_and_steered(
    simulator: Simulator, page: ClientSession, tiny: TinyGateway
) -> None:
    question = '<Gather action="next" numDigits="1" timeout="30"><Say>Q</Say></Gather>'
    tiny.answers |= {ANSWER: [f"<Response>{question}</Response>"]}
    tiny.answers["/hooks/voice_twilio/next"] = ['<Response><Pause length="60"/></Response>']
    async with page.get("/handsets/events") as stream:
        status, call = await post(page, f"/handsets/{CITIZEN}/call", sample=next(iter(samples())))
        assert status == 201
        assert (await post(page, f"/handsets/{CITIZEN}/call"))[1] == {"error": "already_calling"}
        kinds = [(await event(stream, "call"))["entries"][-1]["kind"] for _ in range(2)]
        assert kinds == ["gather", "say"]
        assert (await post(page, f"/handsets/calls/{call['sid']}/keys", keys="2"))[0] == 200
        assert (await event(stream, "call"))["entries"][-1]["text"] == "2"
        assert (await event(stream, "call"))["entries"][-1]["kind"] == "pause"
        assert (await post(page, f"/handsets/calls/{call['sid']}/hangup"))[0] == 200
        assert (await event(stream, "call"))["ended"] == "caller"
    assert await post(page, f"/handsets/calls/{call['sid']}/hangup") == (404, {"error": "no_call"})


async def test_faults_can_be_set_by_json(simulator: Simulator, page: ClientSession) -> None:
    status, _ = await post(
        page, "/handsets/faults", fault="error", count=2, repeat_receipts=3, receipts_out_of_order=True
    )
    assert status == 200
    faults = simulator.faults
    assert (faults.repeat_receipts, faults.receipts_out_of_order) == (3, True)
    assert [faults.next_for(sends=True) is not None for _ in range(3)] == [True, True, False]
    assert await post(page, "/handsets/faults", fault="hang", count=5) == (200, {"armed": 5})
    assert await post(page, "/handsets/faults", clear=True) == (200, {"armed": 0})
    assert faults.next_for(sends=True) is None
    assert faults.repeat_receipts == 0


BAD = [
    ("/handsets", {"number": "12345"}, 422),
    ("/handsets", {"number": "+8657112345"}, 422),
    ("/handsets", {"number": 5}, 422),
    ("/handsets/12345/text", {"body": "x"}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": " "}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x" * 1601}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "repeat": -1}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": "pothole"}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [5]}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [{"sample": "../../x"}]}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [{"type": "image/png", "data": "*"}]}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [{"type": "a\r\nb", "data": ""}]}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [{"sample": "lamp"}] * 11}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [{"type": "image/png", "data": "AAAA" * 1_800_000}]}, 422),
    (f"/handsets/{CITIZEN}/text", {"body": "x", "media": [{"type": "image/png", "data": "AAAA" * 2_400_000}]}, 422),
    (f"/handsets/{CITIZEN}/power", {"on": "yes"}, 422),
    (f"/handsets/{CITIZEN}/call", {"sample": "../../x"}, 422),
    (f"/handsets/{CITIZEN}/call", {"keys": ["A"]}, 422),
    (f"/handsets/{CITIZEN}/call", {"keys": 5}, 422),
    (f"/handsets/{CITIZEN}/call", {"hang_up": "never"}, 422),
    ("/handsets/calls/CA1/keys", {"keys": "1"}, 404),
    ("/handsets/faults", {"fault": "flood"}, 422),
    ("/handsets/faults", {"fault": "error", "count": 100000}, 422),
]


@pytest.mark.parametrize(("path", "data", "status"), BAD, ids=range(len(BAD)))
async def test_what_makes_no_sense_is_refused(
    page: ClientSession, path: str, data: dict[str, Any], status: int
) -> None:
    assert (await post(page, path, **data))[0] == status


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"5", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(page: ClientSession, body: bytes) -> None:
    async with page.post("/handsets", data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 422


async def test_a_form_is_refused(page: ClientSession) -> None:
    async with page.post("/handsets", data={"number": NEW}) as answer:
        assert answer.status == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": "own", "Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "http://example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "example.com"}, 403),
        ({"Host": "127.0.0.1.example.com", "Origin": "http://127.0.0.1.example.com"}, 403),
    ],
)
async def test_no_other_site_may_use_it(
    simulator: Simulator, page: ClientSession, headers: dict[str, str], status: int
) -> None:
    given = {name: simulator.url if value == "own" else value for name, value in headers.items()}
    async with page.post("/handsets", json={"number": NEW}, headers=given) as answer:
        assert answer.status == status


@pytest.mark.parametrize("path", ["/", "/handsets/state", "/handsets/events", "/2010-04-01/Accounts/AC1.json"])
async def test_nothing_is_read_under_another_name(page: ClientSession, path: str) -> None:
    async with page.get(path, headers={"Host": "rebound.example.com"}) as answer:
        assert answer.status == 403
