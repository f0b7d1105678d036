"""Texts written to look or sound like others, and where in them that stands."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journey.folding import fold
from gateway.journey.likeness import look_of, looks, looks_from, sounds, sounds_from, squeeze, squeezed_from

FOLDED = st.text(st.one_of(st.characters(), st.sampled_from("赌博a1$@!|.- fаé\u0336\u4e00"))).map(fold)


@pytest.mark.parametrize(
    ("one", "other"),
    [("赌博", "堵搏"), ("赌bo", "du博"), ("绿", "律"), ("女lv", "nv绿"), ("略", "掠"), ("中国", "种裹")],
)
def test_the_same_sound(one: str, other: str) -> None:
    assert sounds(one) == sounds(other)


@pytest.mark.parametrize(("one", "other"), [("赌博", "打博"), ("路", "绿"), ("duibo", "赌博"), ("a", "啊")])
def test_another_sound(one: str, other: str) -> None:
    assert sounds(one) != sounds(other)


def test_sounds_are_those_of_the_library() -> None:
    """In a process of its own: imported whole, the library keeps 60 MB."""
    characters = "的一是不了人我在有他这中大来上国行长重乐着女绿略嗯呣"
    code = (
        f"from pypinyin import pinyin, Style; print(*(x[0] for x in pinyin(list({characters!r}), style=Style.NORMAL)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    spelled = run.stdout.split()
    assert len(spelled) == len(characters)
    for character, syllable in zip(characters, spelled, strict=True):
        if len(syllable) > 1:
            assert sounds(f"不{syllable}") == sounds(f"不{character}"), syllable


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("сasino", "casino"),
        ("fück", "fuck"),
        ("$pin5 b00ks!", "spins books!"),
        ("f.r.e.e of it", "free of it"),
        ("5 a b", "5 a b"),
        ("plain words. and more", None),
        ("暖气不热, 3号院!", None),
        ("call 13800138000", None),
    ],
)
def test_looks_are_read(text: str, read: str | None) -> None:
    assert looks(text) == (read and read.replace("l", "i"))


@pytest.mark.parametrize(("word", "found"), [("free", "free"), ("ass", None), ("加v", None), ("kill it", "kiii it")])
def test_only_long_latin_words_have_a_look(word: str, found: str | None) -> None:
    assert look_of(word) == found


@given(FOLDED)
def test_every_place_points_into_the_text(folded: str) -> None:
    squeezed, look = squeeze(folded), looks(folded)
    for made, trace, of in (
        (squeezed, squeezed_from(folded), folded),
        (sounds(squeezed), sounds_from(squeezed), squeezed),
        (look, looks_from(folded), folded),
    ):
        assert made is None or len(made) == len(trace)
        assert all(0 <= start < end <= len(of) for start, end in trace)
