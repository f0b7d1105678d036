"""Every word exists in each language, and every key the page uses exists as a word."""

import re

import pytest

from gateway.simulator.caller import Ended, Heard
from gateway.simulator.page import STATIC
from gateway.simulator.words import choose, languages


def test_languages_have_the_same_words() -> None:
    assert {"en", "zh"} <= set(languages())
    assert len({frozenset(words) for words in languages().values()}) == 1
    for key, word in languages()["en"].items():
        names = {frozenset(re.findall(r"\{\w+\}", words[key])) for words in languages().values()}
        assert word
        assert len(names) == 1, key


def test_the_page_uses_no_word_that_is_missing() -> None:
    script, page = ((STATIC / f"handsets.{kind}").read_text("utf-8") for kind in ("js", "html"))
    known = set(languages()["en"])
    assert set(re.findall(r'say\("(\w+)"', script)) <= known
    assert set(re.findall(r"\$(\w+)", page)) - {"lang", "others", "city", "data", "said", "offered"} <= known
    assert {f"ended_{one}" for one in Ended} | {f"heard_{one}" for one in Heard} - {"heard_end"} <= known


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("en", "zh-CN,zh;q=0.9", "en"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, "fr-FR,zh-TW;q=0.8", "zh"),
        ("xx", "", "zh"),
        (None, "", "zh"),
    ],
)
def test_the_language_of_the_page(asked: str | None, accepted: str, language: str) -> None:
    assert choose(asked, accepted) == language
