"""Ticket numbers: eight digits, the last a check digit, drawn without order so that none can be guessed from another.

The check digit is H. M. Damm's ("Total anti-symmetrische Quasigruppen", Marburg 2004): it finds every single wrong
digit and every swap of two neighbours, the two slips people make when they say, text or key a number.
"""

import random as randomness
import re
import unicodedata

from gateway import clock

DIGITS = 8

# Damm's weakly totally anti-symmetric quasigroup of order 10: the row is the digit carried, the column the next one.
_QUASIGROUP = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
_TICKET = re.compile(rf"[1-9][0-9]{{{DIGITS - 1}}}")
# \d is any script's digit: people type fullwidth ones. A look ahead, so that a candidate that fails hides none.
_QUOTED = re.compile(r"(?<!\d)(?=(\d{4})[ \u00a0\u3000\-\u2010-\u2015\u2212\uff0d]?(\d{4})(?!\d))")


class _System(randomness.SystemRandom):
    """The system's randomness, not asked for anew with every number."""

    def getrandbits(self, k: int, /) -> int:
        """So many bits."""
        return int.from_bytes(clock.random_bytes((k + 7) // 8)) >> -k % 8


_SYSTEM = _System()


def draw(count: int, random: randomness.Random = _SYSTEM) -> list[str]:
    """Draw so many different tickets, in no order; the caller leaves out those already used."""
    lowest = 10 ** (DIGITS - 2)
    return [f"{number}{damm(str(number))}" for number in random.sample(range(lowest, 10 * lowest), count)]


def damm(digits: str) -> int:
    """Compute the check digit of ASCII digits; over digits that end in their check digit it is 0."""
    carried = 0
    for digit in digits:
        carried = int(_QUASIGROUP[carried][int(digit)])
    return carried


def is_ticket(text: str) -> bool:
    """Whether a text is a ticket and nothing else: eight ASCII digits, no leading zero, the check digit right."""
    return _TICKET.fullmatch(text) is not None and damm(text) == 0


def find(text: str) -> list[str]:
    """Give the tickets quoted in a text, each once, in order: "48217053", "4821 7053", "４８２１－７０５３"."""
    quoted = (
        "".join(str(unicodedata.decimal(digit)) for digit in first + last) for first, last in _QUOTED.findall(text)
    )
    return list(dict.fromkeys(filter(is_ticket, quoted)))
