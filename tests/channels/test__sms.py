"""How many SMS a text takes, and cutting it to fewer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels._sms import GSM7, LENGTHS, UCS2, Segments, fit, measure

# Texts of each alphabet, of both mixed, and with what takes two units, long enough for several segments.
TEXTS = st.one_of(
    st.text("ab @Ü^€", max_size=700),
    st.text("暖气 a😀€\u0301\u200d", max_size=400),
    st.text(st.one_of(st.characters(), st.characters(categories=["Cs"])), max_size=400),
)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", Segments(1, 0, GSM7, 160)),
        ("Hello, your ticket is 48217059.", Segments(1, 31, GSM7, 129)),
        ("a" * 160, Segments(1, 160, GSM7, 0)),
        ("a" * 161, Segments(2, 161, GSM7, 145)),
        ("a" * 306, Segments(2, 306, GSM7, 0)),
        ("a" * 307, Segments(3, 307, GSM7, 152)),
        ("€" * 80, Segments(1, 160, GSM7, 0)),
        ("€" * 81, Segments(2, 162, GSM7, 143)),  # 76 in the first, whose last septet stays empty
        ("a" * 152 + "€" + "b" * 152, Segments(3, 306, GSM7, 152)),
        ("^{}\\[~]|€\f", Segments(1, 20, GSM7, 140)),
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\r\n", Segments(1, 44, GSM7, 116)),
        ("`", Segments(1, 1, UCS2, 69)),
        ("ç", Segments(1, 1, UCS2, 69)),
        ("\x1b", Segments(1, 1, UCS2, 69)),
        ("暖" * 70, Segments(1, 70, UCS2, 0)),
        ("暖" * 71, Segments(2, 71, UCS2, 63)),
        ("暖" * 134, Segments(2, 134, UCS2, 0)),
        ("😀" * 35, Segments(1, 70, UCS2, 0)),
        ("😀" * 36, Segments(2, 72, UCS2, 61)),  # 33 in the first, whose last unit stays empty
        ("暖" * 66 + "😀" + "气" * 66, Segments(3, 134, UCS2, 66)),
        ("\ud83d", Segments(1, 1, UCS2, 69)),
    ],
)
def test_segments_are_counted(text: str, segments: Segments) -> None:
    assert measure(text) == segments


@pytest.mark.parametrize(
    ("text", "segments", "fitted"),
    [
        ("short", 1, "short"),
        ("a" * 160, 1, "a" * 160),
        ("a" * 161, 1, "a" * 157 + "..."),
        ("a" * 400, 2, "a" * 303 + "..."),
        ("€" * 81, 1, "€" * 78 + "..."),
        ("暖" * 71, 1, "暖" * 69 + "…"),
        ("暖" * 200, 2, "暖" * 133 + "…"),
        ("😀" * 36, 1, "😀" * 34 + "…"),
        ("word " * 40, 1, "word " * 31 + "wo..."),
        ("a" * 156 + "  " + "b" * 9, 1, "a" * 156 + "..."),
        ("a" * 150 + "暖" * 50, 1, "a" * 150 + "..."),
        ("暖" * 68 + "e\u0301" * 9, 1, "暖" * 68 + "…"),
        ("暖" * 65 + "👍🏽" * 9, 1, "暖" * 65 + "👍🏽…"),
        ("暖" * 66 + "👍🏽" * 9, 1, "暖" * 66 + "…"),
        ("暖" * 64 + "👨‍👩‍👧" * 9, 1, "暖" * 64 + "…"),
    ],
)
def test_a_text_is_cut_to_fit(text: str, segments: int, fitted: str) -> None:
    assert fit(text, segments) == fitted


def greedy(text: str, alphabet: str) -> list[int]:
    """The units in each segment when parts are filled with real encoded characters, one after the other."""
    alone, part = LENGTHS[alphabet]
    sizes = [
        len(c.encode("utf-16-be", "surrogatepass")) // 2 if alphabet == UCS2 else 1 + (c in "\f^{}\\[~]|€")
        for c in text
    ]
    if sum(sizes) <= alone:
        return [sum(sizes)]
    parts = [0]
    for size in sizes:
        if parts[-1] + size > part:
            parts.append(0)
        parts[-1] += size
    return parts


@given(TEXTS)
def test_no_character_is_split_and_none_is_lost(text: str) -> None:
    measured = measure(text)
    parts = greedy(text, measured.alphabet)
    limit = LENGTHS[measured.alphabet][len(parts) > 1]
    assert measured == Segments(len(parts), sum(parts), measured.alphabet, limit - parts[-1])


@given(TEXTS, st.integers(1, 4))
def test_what_was_fitted_fits_and_is_a_beginning(text: str, segments: int) -> None:
    fitted = fit(text, segments)
    assert measure(fitted).count <= segments
    if fitted != text:
        assert measure(text).count > segments
        assert text.startswith(fitted.removesuffix("...").removesuffix("…"))
        assert fitted.endswith("..." if measure(fitted).alphabet == GSM7 else "…")


@given(st.text("ab暖气€😀", max_size=400), st.integers(1, 4))
def test_no_character_more_would_have_fitted(text: str, segments: int) -> None:
    fitted = fit(text, segments)
    if fitted != text:
        longer = text[: len(fitted.removesuffix("...").removesuffix("…")) + 1]
        assert measure(longer + ("..." if measure(longer).alphabet == GSM7 else "…")).count > segments


def test_a_long_text_is_cut_without_reading_it_again_and_again() -> None:
    assert measure(fit("暖气" * 500_000, 3)).count == 3
