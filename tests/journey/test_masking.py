"""Private numbers are hidden, and nothing else is. All numbers here are made up or of the examples of the standards."""

import re
import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.journey.masking import mask
from gateway.journey.tickets import damm

MOBILE = "13800138000"
ID_CARD = "11010519491231002X"  # the example of GB 11643-1999
TICKETS = st.integers(1_000_000, 9_999_999).map(lambda number: f"{number}{damm(str(number))}")
MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
ANY_TEXT = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("0123456789Xx +-*.(")))
NO_DIGITS = st.text(st.characters(exclude_categories=["Nd", "Nl", "No"], exclude_characters="+＋"))


@st.composite
def id_cards(draw: st.DrawFn) -> str:
    region = draw(st.integers(110000, 659999))
    born = draw(st.dates(date(1900, 1, 1), date(2026, 1, 1)))
    digits = f"{region}{born:%Y%m%d}{draw(st.integers(0, 999)):03}"
    # ISO 7064 MOD 11-2, written as its definition: a polynomial in 2 that leaves 1.
    check = next(c for c in range(11) if sum(2 ** (17 - i) * int(d) for i, d in enumerate(digits)) % 11 == (1 - c) % 11)
    return digits + "0123456789X"[check]


def spelled(number: str, zero: int, gap: str) -> str:
    """The number in digits of another script, with a gap in every place people make one."""
    return gap.join(
        part.translate({48 + i: zero + i for i in range(10)}) for part in (number[:3], number[3:7], number[7:])
    )


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"请打{MOBILE}找我", "请打138****8000找我"),
        ("138 0013 8000", "138****8000"),
        ("138-0013-8000", "138****8000"),
        ("138.0013.8000", "138****8000"),
        ("1380013 8000", "138****8000"),
        ("1 3 8 0 0 1 3 8 0 0 0", "138****8000"),
        ("1\u200b3\u200b8\u206000138000", "138****8000"),
        ("１３８　００１３　８０００", "１３８****８０００"),
        (f"+86 {MOBILE}", "+86 138****8000"),
        (f"＋86{MOBILE}", "＋86138****8000"),
        (f"0086-{MOBILE}", "0086-138****8000"),
        (f"0{MOBILE}", "0138****8000"),
        (f"*{MOBILE}*", "*138****8000*"),
        (f"wechat{MOBILE}abc", "wechat138****8000abc"),
        (f"{MOBILE},13900139000 13700137000", "138****8000,139****9000 137****7000"),
        (f"3号楼 15 {MOBILE}", "3号楼 15 138****8000"),
        ("010-82345678", "010****5678"),
        ("(0755) 8888 9999", "075*****9999"),
        ("0531-81234567/0531-81234568", "053*****4567/053*****4568"),
        ("Tel010-82345678", "Tel010****5678"),
        ("+1 415 555 2671", "+141****2671"),
        ("+44 20 7946 0958", "+442*****0958"),
        (f"身份证{ID_CARD}。", "身份证110*************2X。"),
        ("110105 19491231 002x", "110*************2x"),
        ("ID１１０１０５１９４９１２３１００２Ｘ", "ID１１０*************２Ｘ"),
        ("110105491231002", "110**********02"),
    ],
)
def test_private_numbers_are_hidden(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "48217059",
        "STATUS 48217059, 4821 7059",
        "48217059 48217059 110 119",
        "请拨12345、110或95588 12306",
        "400-812-3456 或 800-810-8888",
        "3号楼2单元1501，1-502",
        "欠费1234567.89元，共2182345678元",
        "￥12,345,678,900",
        "2024-01-15 08:30 至 2024年12月31日",
        "20240115083000",
        "150 2024-01-15",
        "010 2024-01-15",
        "139.12345678,35.68123456",
        "110105194912310021",  # the check digit is wrong
        "110105199902310021",  # no such day
        "110105991331002",  # no such month
        "91110000600037341L",  # a company's registration
        "138001380001",
        "1380013800",
        "82345678",
        "京A12345",
        "",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("country", "text", "masked"),
    [
        ("US", "(415) 555-2671", "415****671"),
        ("GB", "020 7946 0958", "020****0958"),
        ("GB", "7946 0958 1234", "7946 0958 1234"),
        ("HK", "2123 4567", "21****67"),
        ("HK", "48217059", "48217059"),
        ("US", f"{MOBILE}", MOBILE),
        ("ZZ", "+86 13800138000", "+861******8000"),
    ],
)
def test_numbers_are_read_as_dialled_in_the_city(country: str, text: str, masked: str) -> None:
    assert mask(text, country) == masked


@given(ANY_TEXT)
def test_masking_twice_changes_nothing(text: str) -> None:
    masked = mask(text)
    assert mask(masked) == masked


@given(
    st.lists(
        st.one_of(
            MOBILES,
            id_cards(),
            TICKETS,
            st.sampled_from([" ", "-", "*", "****", "+86", "010", "(", "0", "8000 ", "、"]),
        ),
        max_size=12,
    )
)
def test_masking_numbers_in_a_heap_twice_changes_nothing(pieces: list[str]) -> None:
    masked = mask("".join(pieces))
    assert mask(masked) == masked


@given(
    ANY_TEXT.filter(lambda text: not re.search(r"\d\W*$", text)),
    MOBILES,
    ANY_TEXT.filter(lambda text: not re.match(r"\W*\d", text)),
)
def test_no_mobile_is_left_standing(before: str, number: str, after: str) -> None:
    assert number not in mask(before + number + after)


@given(
    NO_DIGITS,
    MOBILES,
    st.sampled_from([0x30, 0xFF10, 0x0660, 0x1D7CE]),
    st.sampled_from(["", " ", "-", "\u3000", "－", "\u200b"]),
    NO_DIGITS,
)
def test_no_spelling_keeps_a_mobile_standing(before: str, number: str, zero: int, gap: str, after: str) -> None:
    whole = spelled(number, zero, "")
    assert mask(before + spelled(number, zero, gap) + after) == before + whole[:3] + "****" + whole[7:] + after


@given(NO_DIGITS, id_cards(), NO_DIGITS)
def test_no_id_card_is_left_standing(before: str, number: str, after: str) -> None:
    assert mask(before + number + after) == before + number[:3] + "*" * 13 + number[-2:] + after


@given(NO_DIGITS, TICKETS, NO_DIGITS)
def test_no_ticket_is_touched(before: str, ticket: str, after: str) -> None:
    parted = f"{ticket[:4]} {ticket[4:]}"
    assert mask(before + ticket + after) == before + ticket + after
    assert mask(before + parted + after) == before + parted + after


@pytest.mark.parametrize(
    "hostile",
    [
        *("1" * 100_000, "1 " * 50_000, "1    " * 20_000, "0-" * 50_000, "+1 " * 33_000, "(010" * 25_000),
        *("12345678/" * 11_000, "010-1234 " * 11_000, "010-82345678 " * 7_700, f"{MOBILE} " * 8_300),
        *(f"{ID_CARD} " * 5_200, "1****" * 20_000, "\u0661" * 100_000, "好" * 100_000),
    ],
    ids=lambda text: text[:9],
)
def test_a_hostile_text_takes_bounded_time(hostile: str) -> None:
    began = time.process_time()
    mask(hostile)
    assert time.process_time() - began < 8  # the worst takes 1.5 seconds where nothing else runs
