"""What the desk hands to a channel: the mailbox of a line, the tape of a call, and the call as staff see it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway.schema_incoming import IncomingMedia


@dataclass(frozen=True, slots=True)
class LetterFile:
    """A file of a letter: its id, by which its owner may see it, and its MIME type."""

    id: str
    type: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of a mailbox, worded for its owner.

    `number` sorts like the conversation does and never changes. `own` is what the owner said himself, on `channel`
    with its `external_id`; all else is ours. `asks` that it asks what its owner thinks of an answer.
    """

    number: str
    own: bool
    at: datetime
    text: str
    channel: str
    external_id: str | None = None
    language: str | None = None
    ticket: str | None = None
    files: tuple[LetterFile, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file as it lies on our disk, for whoever sent it."""

    path: Path
    type: str


class Mailbox(Protocol):
    """The conversation of one address with us, as one window has it open."""

    def begin(self, number: str) -> None:
        """Go on behind a letter the window has; without one ("") from the very first."""
        ...

    async def news(self, limit: int) -> Sequence[Letter]:
        """What came since, in order; with it what was told before and reads otherwise now. Empty when nothing came."""
        ...

    async def earlier(self, number: str | None, limit: int) -> tuple[Sequence[Letter], bool]:
        """The last letters before one, or of all, in order; and whether there are still earlier ones."""
        ...

    async def wait(self, timeout: float) -> bool:
        """Wait until something may have come, or until `timeout` seconds passed."""
        ...

    async def seen(self, numbers: Collection[str]) -> None:
        """Note which of our letters the window has shown."""
        ...

    async def typing(self) -> None:
        """Note that the owner is typing."""
        ...

    async def file(self, media_id: str) -> OwnFile:
        """A file the owner sent himself. Raises `NotFound` for any other."""
        ...


class TapeLabel(Protocol):
    """Whose a tape is; `id` is its own and never that of another."""

    @property
    def id(self) -> str:
        """The tape's id."""
        ...

    @property
    def call(self) -> str:
        """The call's id."""
        ...

    @property
    def rate(self) -> int:
        """Samples a second."""
        ...

    @property
    def language(self) -> str:
        """What is spoken."""
        ...

    @property
    def address(self) -> str | None:
        """The caller's URN."""
        ...

    @property
    def line(self) -> str | None:
        """Which of our lines was called."""
        ...


class Tape(Protocol):
    """One caller's sound, on disk about a second after it came; bounded like every recording.

    `before` is what is on it from a conversation of the same call that broke off.
    """

    before: bytes

    @property
    def label(self) -> TapeLabel:
        """Whose it is."""
        ...

    @property
    def seconds(self) -> float:
        """How much can still be said."""
        ...

    def write(self, pcm: bytes) -> None:
        """Put sound (whole s16le samples) behind the rest; what is more than a recording may hold is lost."""
        ...

    async def finish(self) -> IncomingMedia | None:
        """The recording, kept as `Desk.upload` keeps files; None when there is next to nothing on it.

        The tape stays until `discard`, so that a crash before the recording is taken loses nothing. `external_id` is
        the tape's own: taken as the message's id too, it is taken once, whatever breaks off.
        """
        ...

    async def discard(self) -> None:
        """Delete it: what was said is taken, or is not to be kept."""
        ...

    async def release(self) -> None:
        """Leave it to whoever goes on with this call, else to `Desk.tapes_left`."""
        ...


class OnTheLine(Protocol):
    """One call as staff follow it. To be held as long as the call goes on: one that is let go of ends by itself."""

    async def step(self, name: str, *, language: str | None = None, within: float | None = None) -> None:
        """Tell where the conversation is now (`menu`, `speaking`, ...), and the language when it was chosen.

        A call that is not live tells `within` how many seconds it is heard of again, or else its caller is gone.
        """
        ...

    def hearing(self, text: str, final: bool) -> None:
        """Tell the words of the present utterance so far, or of the one that ended; as often as they change."""
        ...

    async def kept(self, ticket: str) -> None:
        """Tell the ticket of the post that was made of it."""
        ...

    async def ended(self, how: str) -> None:
        """Tell that it is over, and how: `hung_up`, `finished`, `transferred` or `failed`."""
        ...
