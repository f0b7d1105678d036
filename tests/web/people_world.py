"""What tests of accounts do again and again: press a button of a page, and read what a page shows once."""

import re

import pyotp
from aiohttp import ClientResponse

from gateway import clock
from gateway.web import second_factor
from store import audit
from tests.web.conftest import PASSWORD, World

ENGLISH = {"Accept-Language": "en"}
HERE = "/console/account/second-factor"


async def press(world: World, path: str, page: str = "/console/account", **form: object) -> ClientResponse:
    """Send a form of a page."""
    data = {"csrf": await world.form_token(page), **form}
    return await world.client.post(path, data=data, headers=ENGLISH, allow_redirects=False)


async def read(world: World, path: str, status: int = 200) -> str:
    """A page in English."""
    response = await world.client.get(path, headers=ENGLISH, allow_redirects=False)
    assert response.status == status, path
    return await response.text()


def shown(page: str, element: str) -> str:
    """The text of an element by its id."""
    found = re.search(rf'id="{element}"[^>]*>([^<]*)<', page)
    assert found, f"no {element} on the page"
    return found[1]


def code(secret: str, later: int = 0) -> str:
    """What the app shows now, or so many steps later."""
    step = int(clock.now().timestamp()) // second_factor.STEP + later
    return str(pyotp.TOTP(secret).generate_otp(step))


async def set_up_factor(world: World) -> tuple[str, list[str]]:
    """Give whoever is logged in a second factor; gives its secret and the recovery codes."""
    assert (await press(world, HERE, current=PASSWORD)).status == 303
    secret = shown(await read(world, HERE), "secret").replace(" ", "")
    response = await press(world, f"{HERE}/confirm", HERE, code=code(secret, -1))
    assert response.status == 200
    return secret, re.findall(r"<li><code>([^<]+)</code></li>", await response.text())


async def actions(world: World) -> list[tuple[str, str, str | None]]:
    """Who did what to what, the oldest first."""
    async with world.runtime.database.reading() as connection:
        return [(one.actor, one.action, one.target) for one in reversed(await audit.traces(connection))]
