"""Finding places in what citizens write, with a gazetteer of 20,000 names in two languages.

Half the texts name a place with a house number, half name none: those are looked through twice, also by their sound.
The baseline is a bare search of the same folded texts for the same names by the same library.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence

from ahocorasick_rs import AhoCorasick

from gateway.journey.folding import fold
from gateway.journey.places import Gazetteer
from gateway.sections_places import KnownPlace
from tests.bench.intake import FAULTS, Figure

ROUNDS = 7
TEXTS = 4000
NAMES = 20_000


def measure() -> list[Figure]:
    """How long one usual message takes, and beside it a bare search."""
    places = _places()
    gazetteer = Gazetteer(places)
    chance = random.Random(5)
    texts = [_text(chance, places, number) for number in range(TEXTS)]
    if (found := sum(gazetteer.find(text, "zh") is not None for text in texts)) < TEXTS // 2:
        raise AssertionError(f"places were found in {found} of {TEXTS} texts only")
    bare = AhoCorasick([fold(name) for place in places for name in place.names])
    took, searched = [], []
    for turn in range(ROUNDS + 1):
        mine = _each(lambda text: gazetteer.find(text, "zh"), texts)
        theirs = _each(lambda text: bare.find_matches_as_indexes(fold(text), overlapping=True), texts)
        if turn:  # the first round builds the tables
            took.append(mine)
            searched.append(theirs)
    return [
        Figure("places_message", statistics.median(took), "us a message, 20,000 places", 100, more_is_better=False),
        Figure(
            "places_ratio",
            statistics.median(b / a for a, b in zip(took, searched, strict=True)),
            "of a bare search",
            0.1,
        ),
    ]


def _places() -> Sequence[KnownPlace]:
    chance = random.Random(3)
    syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]

    def word() -> str:
        return "".join(chance.choices(syllables, k=chance.randint(2, 4))).title()

    def han() -> str:
        return "".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(chance.randint(2, 4)))

    return [
        KnownPlace(
            slug=f"p{number}",
            kind="road",
            name={"zh": f"{han()}{chance.choice('路街巷村')}", "en": f"{word()} {word()} Street"},
            line=((31.2, 121.4), (31.3, 121.5)),
            numbers=(1, 300),
        )
        for number in range(NAMES)
    ]


def _text(chance: random.Random, places: Sequence[KnownPlace], number: int) -> str:
    fault = chance.choice(FAULTS)
    if number % 2:
        return fault
    name = chance.choice(places).name
    house = chance.randint(1, 300)
    return f"{name['zh']}{house}号{fault}" if number % 4 else f"{house} {name['en']} {fault}"


def _each(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Microseconds a text."""
    began = time.perf_counter()
    for text in texts:
        work(text)
    return (time.perf_counter() - began) / len(texts) * 1e6
