import pytest

from gateway.journey.wordlists import Mark, Word, word


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("赌博", Word("赌博")),
        ("赌博 ~", Word("赌博", Mark.BY_SOUND)),
        ("他妈的  =", Word("他妈的", Mark.AS_WRITTEN)),
        ("赌博~", Word("赌博~")),
        ("~", Word("~")),
        ("a = b", Word("a = b")),
        ("gas leak", Word("gas leak")),
    ],
)
def test_a_line_is_parted_from_its_mark(line: str, read: Word) -> None:
    assert word(line) == read
