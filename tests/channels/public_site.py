"""What the tests of the public media need: the whole site over a real store, and posts in it."""

from pytest_aiohttp.plugin import AiohttpClient

from channels import feeds, portal, radio, web_comment, web_form
from channels.base import City, Surroundings
from gateway.assembly import uploads_of
from gateway.casework import cases
from gateway.desk import Desk
from gateway.runtime import Runtime
from gateway.web.app import create_app
from tests.web.conftest import World

PUBLIC_URL = "http://127.0.0.1:8080"
CITY = City(name="清源市", public_url=PUBLIC_URL, language="zh", country="CN")


async def open_site(
    runtime: Runtime, aiohttp_client: AiohttpClient, radio_settings: radio.RadioSettings | None = None
) -> World:
    """The site with the portal, the form, additions, the feeds and the radio."""
    around = Surroundings(CITY, runtime.http, uploads_of(runtime.settings))
    for adapter in (portal.Adapter, web_form.Adapter, web_comment.Adapter, feeds.Adapter, radio.Adapter):
        runtime.channels[adapter.name] = adapter(adapter.Settings(), around)  # type: ignore[arg-type]  # its own
    if radio_settings:
        runtime.channels["radio"] = radio.Adapter(radio_settings, around)
    desk = Desk(runtime)
    app = create_app(runtime, desk)
    return World(runtime, desk, app, await aiohttp_client(app, headers={"Accept-Language": "en"}))


async def answered(world: World, text: str, answer: str) -> str:
    """A published report that a department answered; gives its ticket."""
    taken = await world.published(text)
    assert taken.ticket
    await cases.answer(world.runtime, taken.ticket, answer, "water", actor="test")
    return taken.ticket
