"""Files on texts: told in the webhook, listed, fetched by a signed address, deleted; and what stays on the phone."""

import asyncio
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp import ClientSession, encode_basic_auth

from gateway import clock
from gateway.simulator import attachments
from gateway.simulator.app import Simulator
from gateway.simulator.attachments import MOST_FILES, Attachments, File
from gateway.simulator.network import Delays
from tests.simulator.conftest import CITIZEN, TinyGateway

INBOUND = "/hooks/sms_twilio/inbound"
PHOTO, VOICE = File("image/jpeg", b"\xff\xd8 photo"), File("audio/amr", b"#!AMR\n voice")


async def listed(api: ClientSession, sid: str) -> list[dict[str, Any]]:
    async with api.get(f"Messages/{sid}/Media.json") as answer:
        found: list[dict[str, Any]] = (await answer.json())["media_list"]
        return found


async def test_files_are_told_of_listed_and_fetched(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    assert await simulator.text(CITIZEN, "", files=[PHOTO, VOICE]) == [200]
    (told,) = tiny.at(INBOUND)
    sid = told.form["MessageSid"]
    assert told.signed
    assert (sid[:2], told.form["Body"], told.form["NumMedia"]) == ("MM", "", "2")
    assert [told.form[f"MediaContentType{n}"] for n in (0, 1)] == ["image/jpeg", "audio/amr"]
    async with api.get(f"Messages/{sid}.json") as answer:
        assert (await answer.json())["num_media"] == "2"
    rows = await listed(api, sid)
    assert [(row["content_type"], row["parent_sid"]) for row in rows] == [("image/jpeg", sid), ("audio/amr", sid)]
    for number, (row, file) in enumerate(zip(rows, (PHOTO, VOICE), strict=True)):
        url = told.form[f"MediaUrl{number}"]
        assert url == f"{simulator.url}/2010-04-01/Accounts/{simulator.account_sid}/Messages/{sid}/Media/{row['sid']}"
        async with api.get(url) as answer:
            assert (await answer.read(), answer.content_type) == (file.data, file.type)
            assert [step.status for step in answer.history] == [307]


async def test_the_api_wants_credentials_and_the_file_its_signature(
    simulator: Simulator, api: ClientSession, page: ClientSession, tiny: TinyGateway
) -> None:
    await simulator.text(CITIZEN, "", files=[PHOTO])
    url = tiny.at(INBOUND)[0].form["MediaUrl0"]
    async with page.get(url) as answer:
        assert answer.status == 401
    async with api.get(url, allow_redirects=False) as answer:
        signed = answer.headers["Location"]
    async with page.get(signed) as answer:
        assert await answer.read() == PHOTO.data
    bare = signed.partition("?")[0]
    for forged in (
        bare,
        f"{bare}?Expires=9999999999&Signature=x",
        signed[:-1],
        signed.replace("Expires=", "Expires=1"),
    ):
        async with page.get(forged) as answer:
            assert answer.status == 403, forged
    later = clock.now() + attachments.SIGNED_FOR * 2
    clock.replace(now=lambda: later)
    async with page.get(signed) as answer:
        assert answer.status == 403
    clock.replace()


async def test_a_file_takes_its_time_to_be_there(tiny: TinyGateway) -> None:
    simulator = Simulator(gateway_url=tiny.url, delays=Delays(storing_media=0.15))
    await simulator.start()
    await simulator.text(CITIZEN, "", files=[PHOTO])
    url = tiny.at(INBOUND)[0].form["MediaUrl0"]
    headers = {"Authorization": encode_basic_auth(simulator.account_sid, simulator.auth_token)}
    async with ClientSession(headers=headers) as api:
        statuses = []
        for _ in range(2):
            async with api.get(url) as answer:
                statuses.append(answer.status)
            await asyncio.sleep(0.2)
    await simulator.stop()
    assert statuses == [404, 200]


async def test_what_the_gateway_deletes_stays_on_the_phone(
    simulator: Simulator, api: ClientSession, page: ClientSession, tiny: TinyGateway
) -> None:
    await simulator.text(CITIZEN, "look", files=[PHOTO, VOICE])
    sid = tiny.at(INBOUND)[0].form["MessageSid"]
    first, second = [row["sid"] for row in await listed(api, sid)]
    async with api.delete(f"Messages/{sid}/Media/{first}.json") as answer:
        assert answer.status == 204
    assert [row["sid"] for row in await listed(api, sid)] == [second]
    for method in ("get", "delete"):
        async with api.request(method, f"Messages/{sid}/Media/{first}.json") as answer:
            assert answer.status == 404
    async with page.get(f"/handsets/media/{first}") as answer:
        assert (await answer.read(), answer.content_type) == (PHOTO.data, PHOTO.type)


async def test_a_file_belongs_to_its_message(simulator: Simulator, api: ClientSession, tiny: TinyGateway) -> None:
    await simulator.text(CITIZEN, "one", files=[PHOTO])
    await simulator.text(CITIZEN, "two", files=[VOICE])
    one, two = (told.form["MessageSid"] for told in tiny.at(INBOUND))
    (row,) = await listed(api, two)
    async with api.get(f"Messages/{one}/Media/{row['sid']}.json") as answer:
        assert answer.status == 404


async def test_a_message_nobody_took_keeps_its_files(
    simulator: Simulator, api: ClientSession, tiny: TinyGateway
) -> None:
    tiny.answers[INBOUND] = [503]
    assert await simulator.text(CITIZEN, "lost?", files=[PHOTO]) == [503, 503]
    async with api.get("Messages.json", params={"To": simulator.number}) as answer:
        (message,) = (await answer.json())["messages"]
    assert (message["status"], message["error_code"], message["num_media"]) == ("received", 11200, "1")
    assert len(await listed(api, message["sid"])) == 1


async def test_only_so_much_is_kept() -> None:
    kept = Attachments()
    with patch.object(attachments, "MOST_KEPT", 25):
        for number in range(MOST_FILES):
            kept.add(f"MM{number}", [File("image/png", b"x" * 10)], 0)
    assert [len(kept.of(f"MM{number}")) for number in range(MOST_FILES)] == [0] * 8 + [1, 1]


@pytest.mark.parametrize("path", ["/media/ME1", "/handsets/media/ME1"])
async def test_what_is_no_file_is_not_there(page: ClientSession, path: str) -> None:
    async with page.get(path) as answer:
        assert answer.status in (403, 404)
