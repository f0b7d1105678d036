"""A bulletin of the radio, as it is spoken and heard."""

from dataclasses import dataclass
from datetime import datetime

# Signs of Chinese text that take the room of a space behind them.
FULL_WIDTH = tuple("。！？：；，、）”")


@dataclass(frozen=True, slots=True)
class BulletinPart:
    """One part of a bulletin: its greeting, one post with its answers, or its closing.

    `text` is all that is said in it, `said` the same in pieces, each with the language it is spoken in. `title` names
    it in lists; `ticket` is that of its post. `start` is where it begins, in seconds; None while there is no sound.
    `own_voice` says that the caller himself is heard.
    """

    title: str
    said: tuple[tuple[str, str], ...]
    ticket: str | None = None
    start: float | None = None
    own_voice: bool = False

    @property
    def text(self) -> str:
        """Its words, without their languages."""
        return "".join(self.pieces)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The words of each piece, with what stands between them: a full-width sign has its space in itself."""
        words = [said if said[-1:] in FULL_WIDTH else f"{said} " for _, said in self.said]
        return (*words[:-1], words[-1].rstrip()) if words else ()


@dataclass(frozen=True, slots=True)
class Bulletin:
    """What the radio says at one time in one language: masked words that are public at the moment of asking.

    `version` grows when it is made anew; `size` of its sound is in bytes, 0 while there is none.
    """

    id: str
    language: str
    version: int
    title: str
    at: datetime
    items: tuple[BulletinPart, ...]
    seconds: float = 0.0
    size: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts to speak, in order."""
        return tuple(part.text for part in self.items)

    def file(self, ending: str) -> str:
        """The path at which something of it lies as it is now: its sound (mp3), chapters (json), transcript (vtt)."""
        return f"/radio/bulletins/{self.id}-{self.version}.{ending}"
