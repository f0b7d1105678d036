"""Private numbers are hidden, and nothing else is. All numbers here are made up or of the examples of the standards."""

import random
import re
import time
import unicodedata
from datetime import date
from itertools import accumulate, pairwise

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from gateway.journey.masking import mask
from gateway.journey.tickets import damm, draw
from gateway.sections import Masking

CARD = "4111111111111111"
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


@st.composite
def cards(draw: st.DrawFn) -> str:
    digits = draw(st.from_regex(r"[3-6][0-9]{11,17}", fullmatch=True))
    return digits + next(check for check in "0123456789" if luhn(digits + check))


def luhn(digits: str) -> bool:
    """As Hans Peter Luhn wrote it: double every second digit from the right, and add the figures of what comes out."""
    figures = "".join(str(int(d) * (1 + i % 2)) for i, d in enumerate(reversed(digits)))
    return sum(map(int, figures)) % 10 == 0


def identity(digits: str) -> bool:
    """Whether these are a citizen's number, by the definition of its check digit and the day in it."""
    values = [int(digit) if digit.isdecimal() else 10 for digit in digits]
    if len(values) != 18 or sum(2 ** (17 - i) * value for i, value in enumerate(values)) % 11 != 1:
        return False
    try:
        return 1900 <= date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14])).year < 2100
    except ValueError:
        return False


def mobile(digits: str) -> bool:
    number = phonenumbers.parse(digits, "CN")
    return phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) == PhoneNumberType.MOBILE


def leaks(text: str) -> list[str]:
    """Every number that stands in a text unbroken, or grouped as people do, found without the finders."""
    ascii_digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    found = []
    # What masking left of a number is no number.
    for match in re.finditer(r"(?<![\d*])[0-9]+(?:[ -][0-9]+)*X?(?![\d*])", ascii_digits):
        number = re.sub("[ -]", "", match[0])
        groups = tuple(map(len, re.findall(r"[0-9]+X?", match[0])))
        unbroken, digits = len(groups) == 1, number.rstrip("X")
        if (unbroken or groups == (6, 8, 4)) and identity(number):
            found.append(number)
        if (unbroken or groups == (3, 4, 4)) and len(digits) == 11 and mobile(digits):
            found.append(number)
        if (unbroken or groups in ((4, 4, 4, 4), (4, 4, 4, 4, 3), (6, 13))) and 13 <= len(digits) <= 19:
            found += [number] if digits[0] in "3456" and luhn(digits) else []
    return found


@st.composite
def grouped(draw: st.DrawFn) -> str:
    """A private number as it may be typed, in figures of some script."""
    number = draw(st.one_of(MOBILES, id_cards(), cards()))
    ways: dict[int, list[tuple[int, ...]]] = {
        11: [(3, 4, 4)],
        18: [(6, 8, 4)],
        16: [(4, 4, 4, 4)],
        19: [(4, 4, 4, 4, 3), (6, 13)],
    }
    way: tuple[int, ...] = draw(st.sampled_from([(len(number),), *ways.get(len(number), [])]))
    gap, zero = draw(st.sampled_from([" ", "-"])), draw(st.sampled_from([0x30, 0xFF10, 0x0660]))
    ends = list(accumulate(way, initial=0))
    parts = [number[start:end] for start, end in pairwise(ends)]
    return gap.join(parts).translate({48 + i: zero + i for i in range(10)})


SAID = st.sampled_from(
    ["电话", " ", "，", "、", "和", "我", "x", "a@b.cn", "3号", " 110 ", "京A12345", "\n", "-", "(", "："]
)


@given(st.lists(st.one_of(grouped(), SAID), max_size=8))
def test_no_number_however_written_is_left(pieces: list[str]) -> None:
    assert leaks(mask("".join(pieces))) == []


@given(ANY_TEXT)
def test_no_number_is_left_in_any_text(text: str) -> None:
    assert leaks(mask(text)) == []


def test_the_checker_finds_what_it_should() -> None:
    assert leaks(CARD) == [CARD]
    assert leaks("4111 1111 1111 1111") == [CARD]
    assert leaks(f"在{ID_CARD}。") == [ID_CARD]
    assert leaks("138-0013-8000") == [MOBILE]
    assert leaks("48217059 48217053 20240115083000 4111********1111") == []


SENTENCES = st.sampled_from(
    [
        "工单{0}三天了没人管",
        "STATUS {0}",
        "status{0}!",
        "我的编号是{0}，不是{1}",
        "{0}和{1}是同一件事",
        "{0}, {1}",
        "FOLLOW {0}\nFOLLOW {1}",
        "（{0}）",
        "关于#{0}：3号楼201室2024年1月15日停水，请打12345",
        "{0}号工单，京A12345挡路，电话13800138000",
        "ticket no. {0}. mail a@b.cn",
        "{0}/{1}",
        "110 119 {0}",
    ]
)
WAYS = st.sampled_from(["{0}{1}", "{0} {1}", "{0}-{1}", "{0}\u3000{1}", "{0}\u00a0{1}"])


@given(SENTENCES, WAYS, st.integers(0, 2**32), st.sampled_from([0x30, 0xFF10]))
def test_no_ticket_in_a_sentence_is_touched(sentence: str, way: str, seed: int, zero: int) -> None:
    one, other = (
        way.format(ticket[:4], ticket[4:]).translate({48 + i: zero + i for i in range(10)})
        for ticket in draw(2, random.Random(seed))
    )
    masked = mask(sentence.format(one, other))
    assert one in masked
    assert "{1}" not in sentence or other in masked


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
        (f"1****{MOBILE}", "1****138****8000"),
        ("卡号4111111111111111", "卡号4111********1111"),
        ("4111 1111 1111 1111", "4111********1111"),
        ("4111-1111-1111-1111，谢谢", "4111********1111，谢谢"),
        ("3 4111 1111 1111 1111 150元", "3 4111********1111 150元"),
        ("6222021234567890128", "6222***********0128"),
        ("622202 1234567890128", "6222***********0128"),
        ("6222 0212 3456 7890 128", "6222***********0128"),
        ("３７８２　８２２４６３　１０００５", "３７８２*******０００５"),
        ("5 5 5 5 5 5 5 5 5 5 5 5 4 4 4 4", "5555********4444"),
        ("车牌京A12345违停", "车牌京A*****违停"),
        ("粤b·d12345 挡路", "粤b****** 挡路"),
        ("沪Ａ１２３４５，浙A 1234挂", "沪Ａ*****，浙A*****"),
        ("邮箱zhang.san@mail.qq.com联系", "邮箱z***@***.com联系"),
        (f"{MOBILE}@163.com", "1***@***.com"),
        ("a@b.cn,ｃ＠ｄ．ｏｒｇ", "a***@***.cn,ｃ***@***.ｏｒｇ"),
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
        "",
        "北京A座12345，川A座301室，新ABCDE",
        "到京G1234567次",
        "@zhangsan, a@b, see you @ 5.30",
        "4111 1111 1111 1112",  # the check digit is wrong
        "1111111111111117",  # no card begins so
        "41111111111111111111",  # too long: an order
        "4111 111111111111",  # nobody writes a card so
        "订单 20240115 083000 000014",
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
        ("US", "京A12345 z@b.com", "京A12345 z***@***.com"),
    ],
)
def test_numbers_are_read_as_dialled_in_the_city(country: str, text: str, masked: str) -> None:
    assert mask(text, country) == masked


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("phones", MOBILE),
        ("phones", "010-82345678"),
        ("id_cards", ID_CARD),
        ("bank_cards", CARD),
        ("plates", "京A12345"),
        ("emails", "zhang@qq.com"),
    ],
)
def test_each_kind_can_be_left_readable(kind: str, text: str) -> None:
    assert mask(text, "CN", Masking(**{kind: False})) == text
    assert mask(text, "CN", Masking()) != text


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
            cards(),
            st.sampled_from(["京A12345", "a@b.cn", "@", "."]),
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
        *(f"{ID_CARD} " * 5_200, "1****" * 20_000, "\u0661" * 100_000, "好" * 100_000, "京A1234" * 14_000),
        *("4 " * 50_000, "4111 " * 20_000, "4111 1111 1111 1111 " * 5_000, "1x" * 50_000, "1\u200b" * 50_000),
        *("a@" * 50_000, "a." * 50_000 + "@", "a@" + "b." * 50_000, "a@b." * 25_000, "a" * 100_000 + "@"),
    ],
    ids=lambda text: ascii(text[:9]),
)
def test_a_hostile_text_takes_bounded_time(hostile: str) -> None:
    mask(MOBILE)
    half = seconds(hostile[: len(hostile) // 2])
    whole = seconds(hostile)
    # Twice, and as much again for a machine that does other things; no square is so mild.
    assert whole < max(3 * half, 0.5)
    assert whole < 6  # the worst takes 1.7 seconds where nothing else runs, most less than 0.1


def seconds(text: str) -> float:
    """The least CPU seconds of two maskings."""

    def once() -> float:
        began = time.process_time()
        mask(text)
        return time.process_time() - began

    return min(once(), once())
