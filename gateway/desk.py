"""The desk: all that a channel may ask of the gateway, and nothing more (the protocol is `channels.desk.Desk`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from gateway import clock
from gateway.casework import bulletins, duty_alarms, service_speech
from gateway.casework.service_uses import ServiceUses
from gateway.errors import Busy, EverylineError
from gateway.journey import finding, folding, identity, masking, phoning, receipts, showing, similar
from gateway.journey import media as journey_media
from gateway.journey.calling import Calling, OnTheLine
from gateway.journey.intake import Intake
from gateway.journey.mailbox import Mailbox
from gateway.journey.remembering import Remembered
from gateway.journey.taping import Tape, Taping
from gateway.runtime import Runtime
from gateway.schema import Place
from gateway.schema_incoming import Incoming, IncomingMedia, Taken
from gateway.schema_outgoing import Receipt
from gateway.schema_public import Findings, PublicPost
from gateway.schema_radio import Bulletin
from gateway.schema_services import ServiceHit, SpokenService
from speech.live import Hearing
from speech.recogniser import BadModel
from store import kept, leases, media, posts

# Seconds after which whoever is turned away by an isolated channel may repeat.
ISOLATED_RETRY = 60
# For how long the figures of the day are good: home is read far more often than they change.
TODAY_HOLDS = timedelta(seconds=10)


class Site(Protocol):
    """The public site, which `web` puts into the desk at start."""

    async def page(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
        *,
        lasting: bool = False,
    ) -> web.Response:
        """Draw a page."""
        ...

    def draw(self, language: str, template: str, values: Mapping[str, Any]) -> str:
        """Draw a part of a page."""
        ...

    def visitor(self, request: web.Request) -> str:
        """The URN of the browser that asks."""
        ...

    def returning(self, request: web.Request) -> str | None:
        """The URN of a browser that brought its cookie."""
        ...

    def language(self, request: web.Request) -> str:
        """The language a request is answered in."""
        ...

    def network(self, request: web.Request) -> str:
        """The network a request comes from, as limits count by it."""
        ...


class Desk:
    """The gateway as channels see it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._intake = Intake(runtime)
        self._taping = Taping(runtime)
        self.calling = Calling(runtime)
        self.service_uses = ServiceUses(runtime)
        self.site: Site | None = None
        self._remembered = Remembered(runtime.database.wakeups)
        self._today: tuple[datetime, tuple[int, int]] | None = None

    async def take(self, incoming: Incoming) -> Taken:
        """Keep one message and answer it after the commit."""
        if self._runtime.switches.isolated(incoming.channel):
            raise Busy("this line takes nothing in just now; nothing was kept, please repeat later", ISOLATED_RETRY)
        taken = await self._intake.take(incoming)
        if not taken.repeated:
            self._runtime.pulse.count(incoming.channel, "received")
        return taken

    async def receipt(self, channel: str, receipt: Receipt) -> None:
        """Note what the carrier says of a message it accepted."""
        await receipts.apply(self._runtime, channel, receipt)

    async def media_ready(self, channel: str, external_id: str) -> None:
        """Fetch a file now."""
        await self._runtime.database.write(lambda tx: media.ready(tx, channel, external_id, clock.now()))

    async def upload(self, data: bytes, kind: str) -> IncomingMedia:
        """Keep a file that came with a message itself; what it is, its content says and not `kind`."""
        return await journey_media.accept(self._runtime, data)

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
        """Take down what a caller says."""
        return await self._taping.open(channel, call, rate, language, address=address, line=line)

    async def tapes_left(self, channel: str, seconds: float) -> Sequence[Tape]:
        """Tapes that no living process writes any more."""
        return await self._taping.left(channel, seconds)

    async def speak(self, text: str, language: str, rate: int = 8000, *, keep: bool = True) -> bytes:
        """A text as a voice reads it: 16-bit mono samples."""
        return await self._runtime.synthesiser.speak(text, language, rate=rate, keep=keep)

    async def spoken_status(self, ticket: str, address: str | None, language: str) -> Sequence[str] | None:
        """How a ticket stands, for the ear; None for an unknown one."""
        return await phoning.spoken_status(self._runtime, ticket, address, language)

    async def asks_mark(self, ticket: str, address: str | None) -> bool:
        """Whether a caller may judge the answer to his ticket, and did not yet."""
        return await phoning.asks_mark(self._runtime, ticket, address)

    async def chosen_language(self, address: str) -> str | None:
        """The language somebody chose for good."""
        return await phoning.chosen_language(self._runtime, address)

    async def claim(self, reference: str) -> bool:
        """Take care of an alarm by the key pressed in its call."""
        return await duty_alarms.claim_by_key(self._runtime, reference)

    def is_emergency(self, text: str) -> bool:
        """Whether a text holds words of danger."""
        return self._runtime.judge(text).emergency

    async def listen(self, channel: str, language: str, rate: int) -> Hearing | None:
        """An ear that hears a caller while he speaks; None without a model. The demo's models are for its callers."""
        models, demo = self._runtime.models, self._runtime.simulated(channel)
        while model := models.find(language, demo=demo):
            try:
                return await self._runtime.ears.open(model, rate)
            except BadModel as error:
                models.refuse(model, str(error))  # the next one, if there is one
        return None

    async def keep(self, channel: str, key: str, value: Mapping[str, Any], days: int = 1) -> None:
        """Keep a small sealed value for a channel, for so many days."""
        until = clock.now() + timedelta(days=days)
        await self._runtime.database.write(lambda tx: kept.keep(tx, self._runtime.vault, channel, key, value, until))

    async def recall(self, channel: str, key: str) -> Mapping[str, Any] | None:
        """Give back what `keep` kept, or None."""
        async with self._runtime.database.reading() as connection:
            return await kept.recall(connection, self._runtime.vault, channel, key, clock.now())

    async def hold(self, channel: str, name: str, seconds: float) -> bool:
        """Take or renew, for so long, what only one process may do; false while it is another's."""
        database, at = self._runtime.database, clock.now()
        until, lease = at + timedelta(seconds=seconds), f"{channel} {name}"
        return await database.write(lambda tx: leases.hold(tx, lease, database.holder, at, until))

    async def on_the_line(
        self, channel: str, call: str, *, line: str | None, language: str, address: str | None, live: bool
    ) -> OnTheLine:
        """Show staff a call that begins, or that goes on."""
        return await self.calling.begin(channel, call, line=line, language=language, address=address, live=live)

    def phrase(self, key: str, language: str, values: Mapping[str, Any] | None = None) -> str:
        """One sentence from `config/phrases`."""
        return self._runtime.phrase(key, language, values)

    async def page(
        self,
        request: web.Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
        *,
        lasting: bool = False,
    ) -> web.Response:
        """Draw a page of the public site."""
        return await self._open_site().page(request, template, values, status, lasting=lasting)

    def visitor(self, request: web.Request) -> str:
        """The URN of the browser that asks."""
        return self._open_site().visitor(request)

    def returning(self, request: web.Request) -> str | None:
        """The URN of a browser that brought its cookie, else None."""
        return self._open_site().returning(request)

    def language(self, request: web.Request) -> str:
        """The language a request is answered in."""
        return self._open_site().language(request)

    def network(self, request: web.Request) -> str:
        """The network a request comes from, as limits count by it."""
        return self._open_site().network(request)

    def draw(self, language: str, template: str, values: Mapping[str, Any]) -> str:
        """A part of a page in a language."""
        return self._open_site().draw(language, template, values)

    def mailbox(self, channel: str, address: str) -> Mailbox:
        """The mailbox of an address."""
        return Mailbox(self._runtime, channel, address)

    async def prove(self, ticket: str, code: str) -> None:
        """Prove the contact typed with a post."""
        await identity.prove(self._runtime, ticket, code)

    async def published(
        self, *, limit: int = 20, cursor: str | None = None, settled: bool = False, **filters: str | None
    ) -> tuple[Sequence[PublicPost], str | None]:
        """Published posts, newest first, and the next page's cursor; with filters, those filed under them or below."""
        undo_time = timedelta(seconds=self._runtime.settings.broadcast.undo_seconds)
        until = clock.now() - undo_time if settled else None

        async def ask() -> tuple[Sequence[PublicPost], str | None]:
            if any(filters.values()):
                return await finding.filed(self._runtime, limit=limit, cursor=cursor, until=until, **filters)
            return await self._runtime.database.ask(
                lambda connection: posts.published(connection, limit=limit, cursor=cursor, until=until)
            )

        # What is settled becomes more with each second.
        if settled:
            return await ask()
        asked = ("published", limit, cursor, *sorted(filters.items()))
        return await self._remembered.ask(asked, ask, lambda page: page[0])

    async def search(
        self, query: str, *, limit: int = 20, cursor: str | None = None, **filters: str | None
    ) -> Findings:
        """Published posts that have all words of a query, newest first."""
        return await finding.find(self._runtime, query, limit=limit, cursor=cursor, **filters)

    async def similar(
        self, text: str, place: Place, category: str | None = None, *, limit: int = 3
    ) -> Sequence[PublicPost]:
        """Published reports that are likely about the same thing as what somebody writes, the likest first."""
        cleaned = folding.clean(text, self._runtime.settings.intake.text_limit)
        written = similar.Said(masking.mask_as_set(self._runtime.settings, cleaned), place, category)
        found = await similar.to(self._runtime, written, public=True, limit=limit)
        ids = [one.id for one in found if one.share >= similar.LIKELY]
        async with self._runtime.database.reading() as connection:
            known = await posts.public_by_id(connection, ids)
        return [known[one] for one in ids if one in known and known[one].text]

    async def today(self) -> tuple[int, int]:
        """How many posts, and how many answers, were published since the city's midnight; a few seconds old."""
        at = clock.now()
        if self._today is None or at >= self._today[0]:
            zone = self._runtime.settings.city.zone
            midnight = datetime.combine(at.astimezone(zone), time(), zone)
            async with self._runtime.database.reading() as connection:
                self._today = at + TODAY_HOLDS, await posts.published_since(connection, midnight)
        return self._today[1]

    async def post(self, ticket: str) -> PublicPost:
        """One thread's first post with its answers."""
        return await self._remembered.ask(
            ("post", ticket),
            lambda: self._runtime.database.ask(lambda connection: posts.public_post(connection, ticket)),
            lambda post: [post],
        )

    async def comments(
        self, ticket: str, *, limit: int = 100, cursor: str | None = None
    ) -> tuple[Sequence[PublicPost], str | None]:
        """What was added to a thread and published, oldest first, and the next page's cursor."""
        return await self._remembered.ask(
            ("comments", ticket, limit, cursor),
            lambda: self._runtime.database.ask(
                lambda connection: posts.comments(connection, ticket, limit=limit, cursor=cursor)
            ),
            lambda page: page[0],
        )

    async def bulletin(self, language: str) -> Bulletin | None:
        """The newest bulletin of the radio, or None before the first."""
        return next(iter(await self.bulletins(language, 1)), None)

    async def bulletins(self, language: str, limit: int) -> Sequence[Bulletin]:
        """The radio's bulletins, newest first."""
        return await bulletins.newest(self._runtime, language, limit)

    async def services(self, language: str, skip: int, limit: int) -> Sequence[SpokenService]:
        """So many services behind the first `skip`, those asked for most first."""
        return await service_speech.usual(self._runtime, language, skip, limit)

    async def find_services(self, text: str, language: str) -> Sequence[SpokenService]:
        """The services that a spoken word means."""
        found = await service_speech.find(self._runtime, text, language)
        if not found:
            self.service_uses.miss(text, language, "voice")
        return found

    async def spoken_service(self, service_id: str, language: str, channel: str | None) -> SpokenService | None:
        """One service to be read out."""
        if channel:
            self.service_uses.count(service_id, channel)
        return await service_speech.one(self._runtime, service_id, language)

    async def service_hits(self, query: str, language: str) -> Sequence[ServiceHit]:
        """The services that a search means."""
        return await service_speech.hits(self._runtime, query, language)

    def own_voices(self) -> bool:
        """Whether callers may be heard themselves on the radio."""
        return self._runtime.settings.radio.own_voices

    async def let_be_heard(self, post_id: str) -> None:
        """Note that an author agrees to be heard himself on the radio."""
        await showing.agree_voice(self._runtime, post_id, actor="author")

    async def aired(self, bulletin_id: str) -> tuple[Bulletin, Path | None]:
        """One bulletin, and its sound while that may be heard."""
        return await bulletins.one(self._runtime, bulletin_id)

    def _open_site(self) -> Site:
        if self.site is None:
            raise EverylineError("this process serves no pages")
        return self.site
