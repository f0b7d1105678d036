"""Pages that are the same for everybody, kept as they were drawn until something public changes.

Kept is only what a page says is `lasting`, and only for who asks without a query and without any cookie but those
that are part of its key or change nothing on it: so never for staff, nor a page with a token or cookie of somebody. All
is dropped with the next change of what the public sees, whichever process makes it; should word of it be lost between
processes, nothing is shown for longer than `LASTS`.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.journey import in_force
from gateway.journey.shelf import Shelf
from gateway.web import auth
from gateway.web.keys import KEPT, KEPT_PAGES, LANGUAGE, LASTING, THEME, VISITOR
from gateway.web.packing import pack
from store import modes, services
from store.wakeups import Wakeups

# What changes on public pages: publications, withdrawals, answers and names; files that are brought or hidden;
# bulletins; services; whether a rule publishes, which the rules tell; departments and categories.
TOPICS = ("events", "media", "bulletins", modes.SWITCHED, services.CHANGED, in_force.REPLACED)
LASTS = timedelta(seconds=10)
MOST_KNOWN = 10_000
MOST_BYTES = 32 * 1024 * 1024
# They change nothing on a page but its language and theme, which are part of the key, and what forms hold, of which a
# kept page has none.
HARMLESS_COOKIES = frozenset({"lang", "theme", auth.VISITOR_COOKIE})
# What a language is called in an answer, and whatever else a page's own headers say.
OWN_HEADERS = (hdrs.CONTENT_TYPE, hdrs.CONTENT_LANGUAGE)

# Path, language, theme.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it goes out, plain and packed."""

    plain: bytes
    packed: bytes
    etag: str
    headers: Mapping[str, str]

    @property
    def size(self) -> int:
        """What it takes of the memory, in bytes."""
        return len(self.plain) + len(self.packed)

    def answer(self, request: web.Request) -> web.Response:
        """It, or that the asker's copy is still right."""
        if self.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=self.headers)
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            return web.Response(body=self.packed, headers={**self.headers, hdrs.CONTENT_ENCODING: "gzip"})
        return web.Response(body=self.plain, headers=self.headers)


class KeptPages:
    """The kept pages of one process."""

    def __init__(self, wakeups: Wakeups, most_bytes: int = MOST_BYTES) -> None:
        self._pages: Shelf[Key, Page] = Shelf(wakeups, TOPICS, lasts=LASTS, most=most_bytes)
        self._drawing: dict[Key, asyncio.Event] = {}
        # What was kept before: only of such it is known that its answer ends, and a stream's does not.
        self._known: dict[Key, None] = {}

    def generation(self) -> int:
        """Counts the changes seen: what was drawn before the last one must not be kept any more."""
        return self._pages.generation()

    def find(self, key: Key) -> Page | None:
        """A page that is still true."""
        return self._pages.find(key)

    def keep(self, key: Key, response: web.Response, generation: int) -> Page | None:
        """Keep a page that was begun to be drawn in a generation; None when it was too late for that."""
        if generation != self.generation() or not isinstance(response.body, bytes):
            return None
        page = _packed(response)
        self._known[key] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return page if self._pages.keep(key, page, page.size, generation) else None

    async def turn(self, key: Key) -> Page | None:
        """Wait for whoever draws a page already, of one that was kept before, and give what came of it."""
        drawn = self._drawing.get(key) if key in self._known else None
        if drawn is None:
            return None
        await drawn.wait()
        return self.find(key)

    def begin(self, key: Key) -> asyncio.Event:
        """Say that a page is being drawn; the event is to be set by whoever began."""
        drawn = self._drawing[key] = asyncio.Event()
        return drawn

    def end(self, key: Key, drawn: asyncio.Event) -> None:
        """Let those go on who waited for a page."""
        drawn.set()
        if self._drawing.get(key) is drawn:
            del self._drawing[key]


@web.middleware
async def give_kept(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a kept page where one fits; else draw it, once for all who ask meanwhile, and keep it."""
    if not _fits(request):
        return pack(request, await handler(request))
    pages, key = request.app[KEPT_PAGES], (request.path, request[LANGUAGE], request.get(THEME, ""))
    page = pages.find(key) or await pages.turn(key)
    if page:
        request[KEPT] = True
        return page.answer(request)
    generation, drawn = pages.generation(), pages.begin(key)
    try:
        response = await handler(request)
        if isinstance(response, web.Response) and _is_everybody_s(request, response):
            page = pages.keep(key, response, generation)
    finally:
        pages.end(key, drawn)
    return page.answer(request) if page else pack(request, response)


def _fits(request: web.Request) -> bool:
    """Whether a request may be answered with what others are shown too."""
    return (
        request.method == hdrs.METH_GET
        and LANGUAGE in request  # no carrier's
        and not request.query_string
        and hdrs.AUTHORIZATION not in request.headers
        and request.cookies.keys() <= HARMLESS_COOKIES
    )


def _is_everybody_s(request: web.Request, response: web.Response) -> bool:
    return request.get(LASTING, False) and VISITOR not in request and response.status == 200


def _packed(response: web.Response) -> Page:
    plain = bytes(response.body)  # type: ignore[arg-type]  # was looked at
    headers = {str(name): response.headers[name] for name in OWN_HEADERS if name in response.headers}
    # Weak: plain and packed, it is the same page.
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:20]}"'
    vary = "Accept-Language, Accept-Encoding, Cookie"
    told = {**headers, str(hdrs.ETAG): etag, str(hdrs.VARY): vary}
    return Page(plain, gzip.compress(plain, 6), etag, told)
