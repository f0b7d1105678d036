"""Titles in a stream, byte by byte: where they stand, how long they are, and that no title breaks out of its own."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from channels import _icy
from channels._icy import EVERY, LONGEST, Titles, announced


def taken_apart(stream: bytes) -> tuple[bytes, list[str | None]]:
    """The sound, and each title in order, None where nothing changed; as a player reads it."""
    sound, titles = b"", list[str | None]()
    while len(stream) > EVERY:
        sound, length = sound + stream[:EVERY], stream[EVERY] * 16
        said = stream[EVERY + 1 : EVERY + 1 + length]
        found = re.fullmatch(rb"StreamTitle='(.*?)';\0*", said)
        titles.append(found[1].decode() if found else None)
        assert found or not said
        stream = stream[EVERY + 1 + length :]
    return sound + stream, titles


def test_a_title_stands_behind_each_so_many_bytes_and_is_told_once() -> None:
    titles, made, sound = Titles(), b"", b""
    for number in range(100):
        block = bytes([number]) * 2880
        sound += block
        made += titles.put_in(block, "Pipe" if number < 50 else "\u8def\u706f" if number < 90 else "")
    heard, told = taken_apart(made)
    assert heard == sound
    assert told == ["Pipe", *[None] * 8, "\u8def\u706f", *[None] * 6, "", None]


@settings(deadline=None)
@given(some.lists(some.tuples(some.integers(0, 40_000), some.text(max_size=900)), max_size=12))
def test_the_sound_is_whole_whatever_the_pieces_and_titles(pieces: list[tuple[int, str]]) -> None:
    titles = Titles()
    made = b"".join(titles.put_in(bytes([1]) * size, title) for size, title in pieces)
    heard, told = taken_apart(made)
    assert heard == bytes([1]) * sum(size for size, _ in pieces)
    assert len(told) in (len(heard) // EVERY, (len(heard) - 1) // EVERY)
    assert all(len(title.encode()) <= LONGEST for title in told if title)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("It's'; StreamUrl='x", "It\u2019s\u2019; StreamUrl=\u2019x"),
        ("two\r\nlines\0\u202e", "two  lines  "),
        ("\u8def" * 400, "\u8def" * (LONGEST // 3)),
        ("\ud800", " "),
    ],
    ids=["quotes", "controls", "long", "surrogate"],
)
def test_no_title_ends_early_or_takes_much(title: str, said: str) -> None:
    made = announced(title)
    assert len(made) == 1 + made[0] * 16
    assert made[1:].rstrip(b"\0").decode() == f"StreamTitle='{said}';"


@pytest.mark.parametrize(("header", "asks"), [("1", True), (" 1 ", True), ("0", False), ("", False), ("yes", False)])
def test_who_asks(header: str, asks: bool) -> None:
    assert _icy.asked({"Icy-MetaData": header}) is asks
    assert not _icy.asked({})
