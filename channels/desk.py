"""The desk: what the gateway does for a channel, which knows no other part of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from channels.handed import Mailbox, OnTheLine, Tape
from gateway.schema import Place
from gateway.schema_incoming import Incoming, IncomingMedia, Taken
from gateway.schema_outgoing import Receipt
from gateway.schema_public import Findings, PublicPost
from gateway.schema_radio import Bulletin
from gateway.schema_services import ServiceHit, SpokenService
from speech.live import Hearing


class Desk(Protocol):
    """All that a channel may ask of the gateway."""

    async def take(self, incoming: Incoming) -> Taken:
        """Keep one message and answer it; returns only after the commit.

        Raises `BadInput` for what cannot be used and `Busy` when nothing was kept and the sender must repeat.
        """
        ...

    async def receipt(self, channel: str, receipt: Receipt) -> None:
        """Note what the carrier says of a message it accepted, in any order, any number of times."""
        ...

    async def media_ready(self, channel: str, external_id: str) -> None:
        """The carrier says a file is ready: fetch it now instead of at the next try."""
        ...

    async def upload(self, data: bytes, kind: str) -> IncomingMedia:
        """Keep a file that came with a message itself (a form, a chat) and give it as media of an `Incoming`.

        On disk when this returns; what no message names within an hour is swept away. `kind` is the MIME type claimed:
        what the file is, and the type given back, its content alone says. Raises `BadInput` (field `media`) for a file
        that is empty, too large, or neither a photo nor sound. How many one message may bring is `Uploads.most_files`,
        for the channel to keep to.
        """
        ...

    async def tape(
        self,
        channel: str,
        call: str,
        rate: int,
        language: str,
        *,
        address: str | None = None,
        line: str | None = None,
    ) -> Tape:
        """Take down what a caller says, `rate` samples a second: a new tape, or the one this call broke off with.

        Raises OSError when nothing can be written.
        """
        ...

    async def tapes_left(self, channel: str, seconds: float) -> Sequence[Tape]:
        """Tapes of this channel that no living process writes, and none wrote to within so many seconds.

        They are the asker's now: each is to be taken as what its caller wanted to say, then discarded.
        """
        ...

    async def speak(self, text: str, language: str, rate: int = 8000, *, keep: bool = True) -> bytes:
        """A text as a voice reads it: 16-bit mono samples; somebody's own words are spoken without `keep`ing the sound.

        Raises `BadInput`, or `EverylineError` when it cannot.
        """
        ...

    async def asks_mark(self, ticket: str, address: str | None) -> bool:
        """Whether who calls from an address may judge the answer to a ticket, and did not yet."""
        ...

    async def spoken_status(self, ticket: str, address: str | None, language: str) -> Sequence[str] | None:
        """How a ticket stands, for the ear: to its author all, to others what is public. None for an unknown one."""
        ...

    async def chosen_language(self, address: str) -> str | None:
        """The language somebody chose for good; None when he never did."""
        ...

    def is_emergency(self, text: str) -> bool:
        """Whether a text holds words of danger, so that its speaker must hear the emergency number."""
        ...

    async def listen(self, channel: str, language: str, rate: int) -> Hearing | None:
        """An ear that hears a caller while he speaks; None without a model. Raises `Busy`, `EverylineError`."""
        ...

    async def keep(self, channel: str, key: str, value: Mapping[str, Any], days: int = 1) -> None:
        """Keep a small sealed value for this channel (call state, poll offsets); it is forgotten after so many days."""
        ...

    async def recall(self, channel: str, key: str) -> Mapping[str, Any] | None:
        """Give back what `keep` kept, or None."""
        ...

    async def hold(self, channel: str, name: str, seconds: float) -> bool:
        """Take or renew, for so long, what only one of several processes may do; false while it is another's."""
        ...

    async def on_the_line(
        self, channel: str, call: str, *, line: str | None, language: str, address: str | None, live: bool
    ) -> OnTheLine:
        """Show staff a call that begins or, when its carrier's id is known, goes on (after a restart, or because the
        carrier only comes back between two recordings; then it is not `live`). Nothing it does fails for the store.

        `line` is our number that was called, `address` the URN of who calls. Raises `TooMany` when as many calls as
        may be are going on: the caller is then asked to call again later.
        """
        ...

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        """One sentence from `config/phrases`, in a language, for a channel that speaks for itself."""
        ...

    async def page(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
        *,
        lasting: bool = False,
    ) -> web.Response:
        """Draw a page of the public site (`gateway/web/templates/`) with a public medium's own content.

        A `lasting` page changes only with what the stream of publications tells: it is kept and shown to others too.
        """
        ...

    def visitor(self, request: web.Request) -> str:
        """The URN of the browser that asks (`web:<id>`, from its signed cookie)."""
        ...

    def returning(self, request: web.Request) -> str | None:
        """The URN of a browser that brought its cookie; None for one that is new, or whose cookie is not ours."""
        ...

    def language(self, request: web.Request) -> str:
        """The language a request is answered in."""
        ...

    def network(self, request: web.Request) -> str:
        """The network a request comes from, as limits count by it."""
        ...

    def draw(self, language: str, template: str, values: Mapping[str, Any]) -> str:
        """A part of a page, for a medium that sends it later than its page; what a request knows is not there."""
        ...

    def mailbox(self, channel: str, address: str) -> Mailbox:
        """The mailbox of an address. What its owner typed himself is known of this channel's messages (their `raw`)."""
        ...

    async def prove(self, ticket: str, code: str) -> None:
        """Prove the contact typed with the post of `ticket` by the code sent to it.

        Raises `BadInput` for a wrong or expired code and `TooMany` when it was tried too often.
        """
        ...

    async def published(
        self, *, limit: int = 20, cursor: str | None = None, settled: bool = False, **filters: str | None
    ) -> tuple[Sequence[PublicPost], str | None]:
        """Published posts, newest first, and the next page's cursor. Filters: category, department, place, ticket.

        With `settled` only those that cannot be undone any more, for what is copied away and never comes back.
        """
        ...

    async def search(
        self, query: str, *, limit: int = 20, cursor: str | None = None, **filters: str | None
    ) -> Findings:
        """Published posts that have all words and quoted phrases of a query, newest first, and the next page's cursor.

        Filters: category, department, place, kind, progress; since, until (days of the city or moments). Raises
        `BadInput`.
        """
        ...

    async def similar(
        self, text: str, place: Place, category: str | None = None, *, limit: int = 3
    ) -> Sequence[PublicPost]:
        """Published reports that are likely about the same thing as what somebody writes, the likest first."""
        ...

    async def today(self) -> tuple[int, int]:
        """How many posts, and how many answers, were published since the city's midnight; a few seconds old."""
        ...

    async def post(self, ticket: str) -> PublicPost:
        """One thread's first post with its answers; without words while it is not public. Raises `NotFound`."""
        ...

    async def comments(
        self, ticket: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[Sequence[PublicPost], str | None]:
        """What was added to a thread and published, oldest first, and the next page's cursor. Raises `NotFound`."""
        ...

    async def claim(self, reference: str) -> bool:
        """Somebody called pressed the key by which he takes care; false when it is nobody's to take any more."""
        ...

    async def bulletin(self, language: str) -> Bulletin | None:
        """The newest bulletin of the radio, to be read out (`parts`); None before the first.

        What it quotes is public at this moment: what was withdrawn or corrected since it was made is not in it.
        """
        ...

    async def bulletins(self, language: str, limit: int) -> Sequence[Bulletin]:
        """The radio's bulletins, newest first, as `bulletin` gives one; those whose `size` is 0 cannot be heard now."""
        ...

    async def services(self, language: str, skip: int, limit: int) -> Sequence[SpokenService]:
        """So many services of departments behind the first `skip` of them, those asked for most first."""
        ...

    async def find_services(self, text: str, language: str) -> Sequence[SpokenService]:
        """The services that a spoken word means, the best first; what finds nothing is listed for the departments."""
        ...

    async def spoken_service(self, service_id: str, language: str, channel: str | None) -> SpokenService | None:
        """One service to be read out, counted as used on a channel (None: not again); None for what is gone."""
        ...

    async def service_hits(self, query: str, language: str) -> Sequence[ServiceHit]:
        """The services that a search means, the best first, in a language or in what they are written in."""
        ...

    def own_voices(self) -> bool:
        """Whether callers may be heard themselves on the radio, so that it is worth asking them."""
        ...

    async def let_be_heard(self, post_id: str) -> None:
        """Note that who said a post agrees to be heard himself on the radio. Raises `NotFound`."""
        ...

    async def aired(self, bulletin_id: str) -> tuple[Bulletin, Path | None]:
        """One bulletin, and its sound (`speech.encoding`) while that may be heard. Raises `NotFound`."""
        ...
