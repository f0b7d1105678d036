"""The hotline through Asterisk, with no carrier's cloud: its dial plan tells us of a call, its AudioSocket brings it.

    dial plan                          gateway
    POST .../register  (secret, who)   -> a one-time UUID
    AudioSocket(UUID)                  -> sound and keys, both ways (`channels._audiosocket`, `channels._line`)
    POST .../next      (secret, call)  -> "end", "transfer:<number>:<seconds>", or "again" when we were cut off

Only who knows the secret may register a call, and only a registered UUID may speak, once and soon. A call that we cut
off (we were stopped) is registered again by the same dial plan and goes on where it stood. `config/asterisk/` has that
dial plan.
"""

import asyncio
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, cast
from uuid import UUID

import phonenumbers
import structlog
from aiohttp import web
from multidict import MultiDict
from pydantic import Field, SecretStr

from channels import _left
from channels._audiosocket import Connection
from channels._call_state import Call, CallSettings
from channels._http import form
from channels._line import converse
from channels._pacer import Pacer
from channels._turn import Nothing
from channels.base import Capabilities, Channel, Guard, Health, Route, Standing, Surroundings
from channels.desk import Desk
from gateway.errors import BadInput, EverylineError

REGISTER = "/hooks/voice_audiosocket/register"
NEXT = "/hooks/voice_audiosocket/next"
MEDIA_TYPE = "audio/wav"

# For how many seconds a registered UUID may begin its call.
REGISTERED_FOR = 15.0
# Connections beside those of calls: who is told that all lines are taken.
SPARE = 20
# What the dial plan may tell of a call: its own name for it, and how a number is withheld.
_CALL = re.compile(r"[\w.:@+-]{1,100}", re.ASCII)
_LINE = re.compile(r"\+?[0-9*#A-Za-z_.-]{1,32}", re.ASCII)
# Asterisk's words (the CALLERID function, num-pres) for a number that is the caller's and may be known.
_SHOWN = frozenset({"allowed", "allowed_not_screened", "allowed_passed_screen"})
_STOP_WITHIN = 3.0

log = structlog.get_logger()


class AudioSocketSettings(CallSettings):
    """`[voice_audiosocket]`: where Asterisk connects to, and how many connections there may be."""

    ENVIRONMENT: ClassVar[Mapping[str, str]] = {"secret": "EVERYLINE_AUDIOSOCKET_SECRET"}

    secret: SecretStr = Field(min_length=16, max_length=200)
    host: str = "127.0.0.1"
    port: int = Field(9092, ge=0, le=65535)
    connections: int = Field(250, ge=1, le=5000)


@dataclass(frozen=True, slots=True)
class Registered:
    """A call that was announced and may connect until a moment of the loop's clock."""

    call: str
    address: str | None
    line: str | None
    transfer_failed: bool
    until: float


class AsteriskSound:
    """A connection as a conversation has it; how the call leaves us is told to the dial plan."""

    def __init__(self, connection: Connection, desk: Desk, channel: str, call: str) -> None:
        self.rate = connection.rate
        self.heard, self.play = connection.heard, connection.play
        self.clear, self.played = connection.clear, connection.played
        self._connection, self._desk, self._channel, self._call = connection, desk, channel, call

    async def transfer(self, number: str, seconds: float) -> bool:
        """Have the dial plan ring a number."""
        try:
            told = {"next": f"transfer:{number}:{round(seconds)}"}
            await self._desk.keep(self._channel, next_key(self._call), told)
        except EverylineError:
            return False
        await self._connection.hang_up()
        return True

    async def hang_up(self) -> None:
        """Have the dial plan end the call."""
        try:
            await self._desk.keep(self._channel, next_key(self._call), {"next": "end"})
        except EverylineError:
            log.warning("the dial plan cannot be told of an end", action="audiosocket.next")
        await self._connection.hang_up()


class Refused(asyncio.Protocol):
    """A connection that is ended at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End it."""
        cast(asyncio.Transport, transport).abort()


class Adapter(Channel):
    """Asterisk's calls."""

    name = "voice_audiosocket"
    capabilities = Capabilities(receives=True, media=(MEDIA_TYPE,))
    Settings = AudioSocketSettings

    def __init__(self, settings: AudioSocketSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._settings = settings
        self._secret = settings.secret.get_secret_value().encode()
        self._pacer = Pacer()
        self._server: asyncio.Server | None = None
        self._fault: str | None = None
        self._registered: dict[UUID, Registered] = {}
        self._connections: set[Connection] = set()
        self._conversations: dict[str, asyncio.Task[None]] = {}

    @property
    def port(self) -> int | None:
        """Where Asterisk connects to, while it can."""
        return self._server.sockets[0].getsockname()[1] if self._server and self._server.sockets else None

    async def check(self) -> Health:
        """Whether Asterisk can connect."""
        where = f"{self._settings.host}:{self._settings.port}"
        if self._server is None:
            return Health(Standing.LATER, f"not listening at {where}{f': {self._fault}' if self._fault else ''}")
        return Health(Standing.READY, f"listening for Asterisk at {where}")

    def routes(self, desk: Desk) -> Sequence[Route]:
        """What the dial plan calls."""
        steps = {REGISTER: self._register, NEXT: self._next}
        return [Route("POST", path, Guard.SIGNATURE, partial(step, desk)) for path, step in steps.items()]

    async def authentic(self, request: web.Request) -> bool:
        """Whether the dial plan knows the secret, which it sends in the body, where no log sees it."""
        try:
            given = (await form(request)).get("secret", "")
        except BadInput:
            return False
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._secret)

    async def run(self, desk: Desk) -> None:
        """Listen for Asterisk, until cancelled; calls that go on then can come back to the next process."""
        make = partial(Connection, self._pacer, partial(self._identified, desk), self._ended)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: self._admitted(make()), self._settings.host, self._settings.port
            )
        except OSError as error:
            self._fault = error.strerror or "the address cannot be used"
            raise
        self._fault = None
        log.info("listening for Asterisk", action="audiosocket.listen", host=self._settings.host, port=self.port)
        try:
            await _left.keep_taking(desk, self.name)
        finally:
            await self._stop()

    async def _register(self, desk: Desk, request: web.Request) -> web.Response:
        fields = await form(request)
        call = _matching(_CALL, fields, "call")
        if self._server is None:
            return _said("closed", 503)
        now = asyncio.get_running_loop().time()
        self._registered = {one: known for one, known in self._registered.items() if known.until > now}
        if len(self._conversations) + len(self._registered) >= self._settings.connections + SPARE:
            log.warning("a call was not let in: too many", action="audiosocket.busy")
            return _said("busy", 503)
        await self._end(call)
        identity = UUID(bytes=secrets.token_bytes(16), version=4)
        self._registered[identity] = Registered(
            call,
            self._address(fields),
            _matching(_LINE, fields, "line") if fields.get("line") else None,
            fields.get("transfer") == "failed",
            now + REGISTERED_FOR,
        )
        return _said(str(identity))

    async def _next(self, desk: Desk, request: web.Request) -> web.Response:
        call = _matching(_CALL, await form(request), "call")
        known = await desk.recall(self.name, next_key(call))
        return _said(known["next"] if known else "again")

    def _admitted(self, connection: Connection) -> asyncio.Protocol:
        """A connection, while there are not too many of those that may never say whose they are."""
        if len(self._connections) >= self._settings.connections + 2 * SPARE:
            log.warning("a connection was refused: too many", action="audiosocket.full")
            return Refused()
        self._connections.add(connection)
        return connection

    def _identified(self, desk: Desk, connection: Connection, identity: UUID) -> None:
        known = self._registered.pop(identity, None)
        if known is None or known.until < asyncio.get_running_loop().time():
            log.warning("a connection of no registered call was refused", action="audiosocket.refused")
            connection.close()
            return
        task = asyncio.create_task(self._converse(desk, connection, known), name="audiosocket call")
        self._conversations[known.call] = task
        task.add_done_callback(lambda done: self._over(known.call, done))

    async def _converse(self, desk: Desk, connection: Connection, known: Registered) -> None:
        try:
            await connection.settle_rate()
            kept = await desk.recall(self.name, f"call:{known.call}")
            call = (
                Call.from_mapping(kept)
                if kept
                else Call(
                    channel=self.name,
                    id=known.call,
                    address=known.address,
                    line=known.line,
                    language=self.city.language,
                )
            )
            await desk.keep(self.name, next_key(known.call), {"next": "again"})
            sound = AsteriskSound(connection, desk, self.name, known.call)
            event = Nothing() if known.transfer_failed else None
            await converse(desk, self._settings, sound, call, event, returning=kept is not None)
        finally:
            connection.close()

    def _over(self, call: str, task: asyncio.Task[None]) -> None:
        if self._conversations.get(call) is task:
            del self._conversations[call]
        if not task.cancelled() and (error := task.exception()):
            log.error("a call failed", action="audiosocket.failed", fault=repr(error)[:200])

    def _ended(self, connection: Connection) -> None:
        self._connections.discard(connection)

    async def _end(self, call: str) -> None:
        """End what still goes on of a call that comes anew: its connection is dead, whatever we know of that."""
        if task := self._conversations.get(call):
            task.cancel()
            await asyncio.wait([task], timeout=_STOP_WITHIN)

    async def _stop(self) -> None:
        """Let all go: their dial plans ask what is next, hear "again" or nobody, and come back."""
        server, self._server = self._server, None
        if server:
            server.close()
        self._registered.clear()
        tasks = list(self._conversations.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_WITHIN)
        for connection in list(self._connections):
            connection.close()

    def _address(self, fields: MultiDict[str]) -> str | None:
        """The caller's URN. A number that is withheld, unknown or none that could be called is nobody."""
        if fields.get("shown", "allowed") not in _SHOWN:
            return None
        try:
            number = phonenumbers.parse(fields.get("from", "")[:32], self.city.country)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_possible_number(number):
            return None
        return f"tel:{phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}"


def next_key(call: str) -> str:
    """Under what is kept what the dial plan is to do with a call next."""
    return f"next:{call}"


def _matching(pattern: re.Pattern[str], fields: MultiDict[str], name: str) -> str:
    """A field that is as it must be. Raises `BadInput`."""
    value = fields.get(name, "")
    if not pattern.fullmatch(value):
        raise BadInput(f"{name} is missing or cannot be", name)
    return value


def _said(words: str, status: int = 200) -> web.Response:
    """An answer as a dial plan reads it: bare words, no line break."""
    return web.Response(text=words, status=status)
