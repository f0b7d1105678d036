"""Places in a folded text point to where their characters were typed."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from gateway.journey.folding import fold
from gateway.journey.tracing import of_folding
from tests.journey.test_folding import TROUBLE

ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cs", "Mn", "Mc"]),
        st.sampled_from(TROUBLE + "\u0327\u1100\u1161\u11a8ﾡￂ´ᾳŉ…，ab "),
    )
)


@given(ANY_TEXT)
def test_every_folded_character_stands_in_the_text_as_typed(text: str) -> None:
    folded, trace = fold(text), of_folding(text)
    assert len(trace) == len(folded)
    assert [start for start, _ in trace] == sorted(start for start, _ in trace)
    for character, (start, end) in zip(folded, trace, strict=True):
        assert 0 <= start < end <= len(text)
        # Alone, a mark would be folded onto nothing.
        assert character.isspace() or character in fold("a" + text[start:end])


def test_no_single_character_is_lost_track_of() -> None:
    for code in (*range(0x30000), *range(0xE0000, 0xE0200)):
        text = f"a{chr(code)}b"
        assert len(of_folding(text)) == len(fold(text)), unicodedata.name(chr(code), hex(code))
