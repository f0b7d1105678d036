"""What is kept of a text, and when two texts count as the same."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journey.folding import clean, cut, fold, is_blank, language_of, settle

# Any code points at all, lone surrogates too, and those that make trouble more often than chance would.
TROUBLE = (
    "\0\r\n\t\ud800\udfff\u202e\u2066\u200b\u200d\u0301\u0316\u0345\u3099\ufe0f\uff9e\ufffe"
    "乾薴ßİẞǰΐ㈱Ａ　 \u1160\U0001f1e8"
)
ANY_TEXT = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from(TROUBLE)))
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  暖气不热 \n", "暖气不热"),
        ("a\0b\x1bc\x85d", "a\ufffdb\ufffdc\nd"),
        ("lone \ud83d half", "lone \ufffd half"),
        ("\u202d13800138000\u202c", "13800138000"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("tab\tstays", "tab\tstays"),
        ("e\u0301", "é"),
        ("\ufffe\uffff", "\ufffd\ufffd"),
        ("👨‍👩‍👧 stays", "👨‍👩‍👧 stays"),
        ("", ""),
    ],
)
def test_clean_makes_a_text_fit_to_be_kept(text: str, kept: str) -> None:
    assert clean(text, 100) == kept


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        ("\u200b\u2060", True),
        ("\u3164\uffa0", True),
        ("\u2800", True),
        ("\ufffd \ufffd", True),
        ("❤\ufe0f", False),
        ("?", False),
        ("\u200ba", False),
        ("\ufffd灯", False),
    ],
)
def test_a_text_in_which_nothing_can_be_read_is_blank(text: str, blank: bool) -> None:
    assert is_blank(text) is blank


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("暖气不热", 2, "暖气"),
        ("ab cd", 3, "ab"),
        ("x\u0302\u0323y", 2, ""),
        ("ax\u0302\u0323y", 3, "a"),
        ("a👨‍👩‍👧", 3, "a"),
        ("a👍🏽", 2, "a"),
        ("a❤\ufe0f", 2, "a"),
        ("🇨🇳🇬🇧", 3, "🇨🇳"),
        ("🇨🇳🇬🇧", 2, "🇨🇳"),
        ("abc", 0, ""),
    ],
)
def test_clean_cuts_between_characters_as_seen(text: str, limit: int, kept: str) -> None:
    # A text that is one single thing longer than the limit is cut through: nothing else would be within it.
    assert clean(text, limit) == kept or (kept == "" and len(clean(text, limit)) <= limit)


@given(ANY_TEXT, st.integers(0, 60))
def test_clean_leaves_nothing_that_cannot_be_kept(text: str, limit: int) -> None:
    kept = clean(text, limit)
    assert len(kept) <= limit
    assert not BIDI & set(kept)
    assert "\0" not in kept
    assert "\r" not in kept
    assert kept.encode().decode() == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == kept.strip()
    assert clean(kept, limit) == kept


def test_cut_gives_short_texts_back_whole() -> None:
    assert cut("👨‍👩‍👧", 5) == "👨‍👩‍👧"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("煤氣洩漏", "煤气泄漏"),
        ("賭博", "赌博"),
        ("乾淨", "干净"),
        ("ＧＡＳ　Ｌｅａｋ", "gas leak"),
        ("Straße", "STRASSE"),
        ("赌\u200b博", "赌博"),
        ("赌\u00ad\ufe0f\u2060\U000e0061\x07博", "赌博"),
        ("ﾊﾞｽ", "バス"),
        ("\uf900", "岂"),
        ("⾺", "马"),
        ("㈱", "(株)"),
        (" two \n\t words\u3000", "two words"),
        ("e\u200b\u0301", "é"),
        ("苧薴", "苎苎"),
    ],
)
def test_fold_makes_alike_what_looks_or_means_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert fold(other) == other.casefold()


@given(ANY_TEXT)
def test_folding_twice_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert unicodedata.is_normalized("NFKC", folded)
    assert not any(unicodedata.category(character) in ("Cf", "Cc", "Cs") for character in folded)


@given(ANY_TEXT)
def test_the_quick_ways_give_what_folding_all_of_it_gives(text: str) -> None:
    assert fold(text) == " ".join(settle(text).split())


@given(ANY_TEXT)
def test_folding_is_the_same_before_and_after_keeping(text: str) -> None:
    # What a stranger sends is cleaned first; words must not read otherwise to the filter for that.
    safe = "".join(
        character for character in text if character not in "\0\ufffe" and clean(f"a{character}a", 9) != "a\ufffda"
    )
    assert fold(clean(safe, 10_000)) == fold(safe)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("暖气不热", "zh"),
        ("Room 302 暖气不热", "zh"),
        ("The heating is off", "en"),
        ("Ｈｅｌｌｏ", "en"),
        ("12345 !?", None),
        ("", None),
        ("Привет", None),
        ("×÷", None),
    ],
)
def test_language_is_told_by_script(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "hostile",
    [
        "a" + "\u0301\u0316" * 50_000,
        "\uff9e\u0316" * 50_000,
        "\u0301\u200b\u0316" * 33_000,
        "*" * 100_000,
        "\r" * 100_000,
    ],
    ids=["marks", "halfwidth marks", "marks parted by the invisible", "stars", "line ends"],
)
def test_a_hostile_text_takes_no_longer_than_another(hostile: str) -> None:
    fold("warm")
    began = time.process_time()
    assert fold(fold(hostile)) == fold(hostile)
    clean(hostile, 1000)
    # Quadratic ordering of such a text takes seven seconds.
    assert time.process_time() - began < 2
