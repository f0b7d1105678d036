"""Titles within a stream of sound, as players of radio stations know them: who asks by `Icy-MetaData: 1` is given,
after each so many bytes of sound (`icy-metaint`), one byte that counts units of 16, and in these what is heard now."""

from collections.abc import Mapping

ASKED, EVERY_HEADER = "Icy-MetaData", "icy-metaint"
# Bytes of sound between two titles: under three seconds of the radio's.
EVERY = 16_000
# Bytes of the longest title; the one counting byte would allow 4080 with what stands around it.
LONGEST = 480
_UNIT = 16


def asked(headers: Mapping[str, str]) -> bool:
    """Whether a listener's player wants titles."""
    return headers.get(ASKED, "").strip() == "1"


def announced(title: str) -> bytes:
    """A title as it stands in the stream: nothing of it ends it early, and it is cut between two letters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in title).replace("'", "\u2019")
    cut = plain.encode()[:LONGEST].decode("utf-8", "ignore")
    said = b"StreamTitle='%s';" % cut.encode()
    units = -(-len(said) // _UNIT)
    return bytes((units,)) + said.ljust(units * _UNIT, b"\0")


class Titles:
    """The titles of one listener's stream: each is told once, and between two of them that nothing changed."""

    def __init__(self) -> None:
        self._left = EVERY
        self._told: str | None = None

    def put_in(self, sound: bytes, title: str) -> bytes:
        """The next sound, with what is due within it."""
        made, at = bytearray(), 0
        while len(sound) - at >= self._left:
            made += sound[at : at + self._left]
            made += b"\0" if title == self._told else announced(title)
            at, self._left, self._told = at + self._left, EVERY, title
        self._left -= len(sound) - at
        return bytes(made + sound[at:])
