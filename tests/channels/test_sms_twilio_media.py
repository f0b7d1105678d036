"""What citizens attach to a text: taken with it, fetched from our own account only, and then forgotten there."""

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from channels.base import Fetched
from channels.failures import Failure, Refused, RetryLater, Throttled
from channels.sms_twilio import INBOUND, MEDIA_TYPES, Adapter, SmsSettings
from gateway.schema import Place
from gateway.schema_incoming import IncomingMedia
from tests.channels.test__http import closed_port
from tests.channels.twilio_world import (
    ACCOUNT,
    CREDENTIALS,
    FakeTwilio,
    NotedDesk,
    around,
    hook,
    payload,
    start_api,
)

SID = "MM" + "b" * 32
FIRST, SECOND = "ME" + "1" * 32, "ME" + "2" * 32
HOME = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media"
TWILIO = "https://api.twilio.com"
JPEG = b"\xff\xd8\xff\xe0 a photo"

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture
async def adapter(http: ClientSession, api: TestServer) -> Adapter:
    return make(http, str(api.make_url("/")))


def make(http: ClientSession, api_url: str) -> Adapter:
    return Adapter(SmsSettings.model_validate(CREDENTIALS | {"api_url": api_url}), around(http))


PHOTO = IncomingMedia(FIRST, f"{TWILIO}{HOME}/{FIRST}", "image/jpeg")
VOICE = IncomingMedia(SECOND, f"{TWILIO}{HOME}/{SECOND}", "audio/amr")
CARD = IncomingMedia("ME" + "3" * 32, f"{TWILIO}{HOME}/ME{'3' * 32}", "text/x-vcard")
TAKEN: list[tuple[str, str, tuple[IncomingMedia, ...]]] = [
    ("mms_photo_and_voice", "幸福路的路灯坏了", (PHOTO, VOICE)),
    ("mms_contact_card", "", (CARD,)),
    ("base64_looking", "aGVsbG8gd29ybGQgdGhpcyBpcyBsb25n", ()),
]


@pytest.mark.parametrize(("case", "text", "media"), TAKEN, ids=[row[0] for row in TAKEN])
async def test_files_come_with_their_text(
    http: ClientSession,
    gateway: TestServer,
    desk: NotedDesk,
    case: str,
    text: str,
    media: tuple[IncomingMedia, ...],
) -> None:
    assert (await hook(http, gateway, INBOUND, payload("sms_twilio", case))).status == 200
    [incoming] = desk.taken
    assert (incoming.text, incoming.media, incoming.external_id) == (text, media, SID)
    assert desk.ready == [file.external_id for file in media], "they are there and may be fetched at once"


async def test_a_repeat_hurries_nothing(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    desk.repeated = True
    assert (await hook(http, gateway, INBOUND, payload("sms_twilio", "mms_photo_and_voice"))).status == 200
    assert desk.ready == []


async def test_ten_files_are_ten(http: ClientSession, gateway: TestServer, desk: NotedDesk) -> None:
    await hook(http, gateway, INBOUND, payload("sms_twilio", "mms_ten"))
    assert [file.external_id for file in desk.taken[0].media] == [f"ME{str(n) * 32}" for n in range(10)]


async def test_a_place_is_kept_and_a_profile_name_is_not(
    http: ClientSession, gateway: TestServer, desk: NotedDesk
) -> None:
    await hook(http, gateway, INBOUND, payload("sms_twilio", "whatsapp_place"))
    [incoming] = desk.taken
    assert incoming.place == Place("幸福路小学, 幸福路 1 号, 杭州", 30.2741, 120.1551)
    assert incoming.name is None


async def test_a_photo_is_fetched_where_twilio_sends_us_and_our_credentials_stay(
    adapter: Adapter, twilio: FakeTwilio, api: TestServer
) -> None:
    storage = FakeTwilio()
    server = await start_api(storage)
    seen: list[str] = []

    async def give(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(body=JPEG, content_type="image/jpeg")

    storage.answers.append(give)
    twilio.says("", status=307, Location=f"{server.make_url('/x')}?Signature=a%2Fb%3D")
    assert await adapter.fetch(str(api.make_url(f"{HOME}/{FIRST}")), 1000) == Fetched(JPEG, "image/jpeg")
    await server.close()
    assert seen == ["/x?Signature=a%2Fb%3D"]
    assert [bool(proof) for proof in twilio.proofs] == [True]
    assert storage.proofs == [None]


FETCHES: list[tuple[str, int, bytes, type[Failure]]] = [
    ("not there yet", 404, b"{}", RetryLater),
    ("error", 500, b"", RetryLater),
    ("throttled", 429, b'{"code": 20429}', Throttled),
    ("wrong token, till mended", 401, b'{"code": 20003}', RetryLater),
    ("gone", 410, b"", Refused),
    ("too long", 200, JPEG * 100, Refused),
]


@pytest.mark.parametrize(("label", "status", "content", "failure"), FETCHES, ids=[row[0] for row in FETCHES])
async def test_how_fetching_fails(
    adapter: Adapter,
    twilio: FakeTwilio,
    api: TestServer,
    label: str,
    status: int,
    content: bytes,
    failure: type[Failure],
) -> None:
    twilio.says(content, status=status, **{"Content-Type": "image/jpeg"})
    with pytest.raises(failure):
        await adapter.fetch(str(api.make_url(f"{HOME}/{FIRST}")), 1000)


async def test_a_file_that_is_not_there_yet_comes_later(adapter: Adapter, twilio: FakeTwilio, api: TestServer) -> None:
    twilio.says({"code": 20404}, status=404)
    twilio.says(JPEG, status=200, **{"Content-Type": ""})
    url = str(api.make_url(f"{HOME}/{FIRST}"))
    with pytest.raises(RetryLater):
        await adapter.fetch(url, 1000)
    assert await adapter.fetch(url, 1000) == Fetched(JPEG, "application/octet-stream")


async def test_a_carrier_that_is_away_is_tried_later(http: ClientSession) -> None:
    base = f"http://127.0.0.1:{closed_port()}"
    with pytest.raises(RetryLater):
        await make(http, base).fetch(f"{base}{HOME}/{FIRST}", 1000)


FOREIGN = [
    ("another host", f"http://evil.example{HOME}/{FIRST}"),
    ("the host as a prefix", f"{{api}}.evil.example{HOME}/{FIRST}"),
    ("the host as a user", f"{{api}}@evil.example{HOME}/{FIRST}"),
    ("another account", f"{{api}}/2010-04-01/Accounts/AC{'f' * 32}/Messages/{SID}/Media/{FIRST}"),
    ("a recording", f"{{api}}/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE{'1' * 32}"),
    ("the message itself", f"{{api}}/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}"),
    ("up and away", f"{{api}}{HOME}/../../../../AC{'f' * 32}/Messages/{SID}/Media/{FIRST}"),
    ("a query", f"{{api}}{HOME}/{FIRST}?x=1"),
    ("a line more", f"{{api}}{HOME}/{FIRST}\n"),
    ("inside", "http://169.254.169.254/latest/meta-data"),
    ("a file", "file:///etc/passwd"),
    ("nothing", ""),
]


@pytest.mark.parametrize(("label", "url"), FOREIGN, ids=[row[0] for row in FOREIGN])
async def test_foreign_addresses_are_never_asked(
    adapter: Adapter, twilio: FakeTwilio, api: TestServer, label: str, url: str
) -> None:
    address = url.replace("{api}", str(api.make_url("/")).rstrip("/"))
    for act in (adapter.fetch(address, 1000), adapter.forget(address)):
        with pytest.raises(Refused):
            await act
    assert not twilio.asked


async def test_the_carrier_forgets(adapter: Adapter, twilio: FakeTwilio, api: TestServer) -> None:
    url = str(api.make_url(f"{HOME}/{FIRST}"))
    twilio.says(b"", status=204)
    twilio.says({"code": 20404}, status=404)
    twilio.says({"code": 20500}, status=500)
    await adapter.forget(url)
    await adapter.forget(url)
    with pytest.raises(RetryLater):
        await adapter.forget(url)
    assert [(method, path) for method, path, _ in twilio.asked] == [("DELETE", f"{HOME}/{FIRST}.json")] * 3


async def test_it_says_which_kinds_it_brings(adapter: Adapter) -> None:
    assert adapter.capabilities.media == MEDIA_TYPES
    assert {kind.partition("/")[0] for kind in MEDIA_TYPES} == {"image", "audio"}
