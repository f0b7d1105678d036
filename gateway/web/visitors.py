"""Who asks on the pages under /me, known by the browser's cookie alone, and the forms of those pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.errors import NotFound
from gateway.journey import identity
from gateway.limits import Limit
from gateway.runtime import Runtime
from gateway.web import addresses, auth
from gateway.web.keys import CHANGES, DRAWING, RUNTIME
from store import citizens
from store.citizens import Known, Line

# A field of these forms is a name, a number, a word or an id; what is longer was typed into no field of ours.
LONGEST_FIELD = 500


@dataclass(frozen=True, slots=True)
class Me:
    """The person behind a browser. One that never said or linked anything is nobody yet: no line and no person."""

    browser: Known | None = None
    person: str | None = None
    lines: tuple[Line, ...] = ()

    def line(self, line_id: str) -> Line:
        """One of his own lines. Raises `NotFound`, also for another's."""
        for line in self.lines:
            if line.id == line_id:
                return line
        raise NotFound("you have no such line")

    def phones(self) -> list[Line]:
        """His telephones."""
        return [line for line in self.lines if line.scheme == "tel"]


async def who(request: web.Request) -> Me:
    """The person who asks."""
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        browser = await citizens.known(connection, runtime.vault, auth.visitor(request))
        if browser is None or browser.person is None:
            return Me()
        return Me(browser, browser.person, tuple(await citizens.lines(connection, runtime.vault, browser.person)))


async def must_be_somebody(request: web.Request) -> tuple[Known, str, Me]:
    """The browser and person who ask. Raises `NotFound` for one who never said anything."""
    me = await who(request)
    if me.browser is None or me.person is None:
        raise NotFound("there is nothing of yours here")
    return me.browser, me.person, me


async def form(request: web.Request) -> Mapping[str, str]:
    """The fields of a form that is our own. Raises `NotAllowed`, or `TooMany` for a network that sends too many."""
    take(request, request.app[CHANGES])
    fields = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    auth.check_csrf(request, fields.get("csrf", ""))
    return {name: value[:LONGEST_FIELD].strip() for name, value in fields.items()}


def take(request: web.Request, limit: Limit) -> None:
    """Count a request against its network."""
    trusted = request.app[RUNTIME].settings.server.trusted_proxies
    limit.take(addresses.household(addresses.client(request, trusted)))


async def draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A page under /me; templates may show a line by `shown`, and ask whether we can write to it (`reached`)."""
    runtime: Runtime = request.app[RUNTIME]

    def shown(line: Line) -> str:
        return identity.masked(line.urn, runtime.settings.city.country) if line.urn else "****"

    known = {"shown": shown, "reached": lambda line: runtime.outlet(line.scheme) is not None}
    return await request.app[DRAWING].page(request, template, {**known, **values}, status)
