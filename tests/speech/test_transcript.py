"""Recognised words on the left, what people type on the right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.transcript import is_word, typed

CHINESE = [
    # house numbers, buildings, units, rooms
    ("人民路 三 号 路灯 坏了", "人民路3号路灯坏了"),
    ("五 号 楼 暖气 不热", "5号楼暖气不热"),
    ("十二 号", "12号"),
    ("十 二 号", "12号"),
    ("十二号", "12号"),
    ("一百 二十三 号", "123号"),
    ("一百零五 号", "105号"),
    ("一千零一 号", "1001号"),
    ("两千 二百 号", "2200号"),
    ("二 七 号", "27号"),
    ("一 号 楼 二 单元 三 零 一", "1号楼2单元301"),
    ("一号楼 二 单元 三零一", "1号楼2单元301"),
    ("三 楼 有 一 个 人", "3楼有一个人"),
    ("十五 栋 门口", "15栋门口"),
    ("三 路 公交 不 来", "3路公交不来"),
    ("三一五 路 公交", "315路公交"),
    # digit runs
    ("一 二 零", "120"),
    ("拨打 一一零", "拨打110"),
    ("幺 幺 零", "110"),
    ("电话 一三八 零零一三 八零零零", "电话13800138000"),
    # dates, times, amounts
    ("二零二六年 十一月 三号", "2026年11月3号"),
    ("五月 一 日", "5月1日"),
    ("下午 三点 半", "下午3点半"),
    ("八 点 零五 分", "8点05分"),
    ("二十 分钟", "20分钟"),
    ("百分之 五十", "50%"),
    ("百分之五十", "50%"),
    ("百分之五", "5%"),
    # words that only look like numbers
    ("请 等 一下", "请等一下"),
    ("一些 垃圾", "一些垃圾"),
    ("统一 处理", "统一处理"),
    ("统一 号召", "统一号召"),
    ("一 号召", "一号召"),
    ("统一 一 二 零", "统一120"),
    ("一起 一直 一点儿", "一起一直一点儿"),
    ("一 点 水 都 没有", "一点水都没有"),
    ("十分 严重", "十分严重"),
    ("十字 路口", "十字路口"),
    ("五一路 三 号", "五一路3号"),
    ("八一路", "八一路"),
    ("三环路", "三环路"),
    ("万一 漏水", "万一漏水"),
    ("第三 小学", "第三小学"),
    ("第 十二 中学", "第十二中学"),
    ("第 三 号", "第三号"),
    ("周一 停水", "周一停水"),
    ("星期 三 停水", "星期三停水"),
    ("几十 个 人", "几十个人"),
    ("四五十 个 人", "四五十个人"),
    ("三三两两", "三三两两"),
    ("两 个 井盖 丢失", "两个井盖丢失"),
    ("三 天 没有 暖气", "三天没有暖气"),
    ("一 万 号", "一万号"),
    # joining
    ("你好 小区 垃圾 没人 清理", "你好小区垃圾没人清理"),
    ("打开 wifi 看看", "打开wifi看看"),
    ("open wifi 看看", "open wifi看看"),
    ("[unk] 路灯 <unk> 坏了", "路灯坏了"),
    ("", ""),
]
ENGLISH = [
    ("north street number two seven", "north street number 27"),
    ("the road light is broken at main street number four", "the road light is broken at main street number 4"),
    ("garbage smell near the school", "garbage smell near the school"),
    ("twenty seven", "27"),
    ("number twenty seven", "number 27"),
    ("one two zero main street", "120 main street"),
    ("one hundred twenty three north street", "123 north street"),
    ("one hundred and five north street", "105 north street"),
    ("two thousand three hundred and forty five", "2345"),
    ("two twenty one", "221"),
    ("room three oh one", "room 301"),
    ("number oh five", "number 05"),
    ("call nine one one please", "call 911 please"),
    ("since twenty twenty six", "since 2026"),
    ("one hundred two hundred", "100 200"),
    ("twenty million", "twenty million"),
    ("flat two", "flat 2"),
    ("number ten", "number 10"),
    ("one of the lights", "one of the lights"),
    ("number one of the lights", "number one of the lights"),
    ("no one came", "no one came"),
    ("two lights are broken", "two lights are broken"),
    ("the second one", "the second one"),
    ("in my building two lights are broken", "in my building two lights are broken"),
    ("twenty first street", "twenty first street"),
    ("a hundred people", "a hundred people"),
    ("oh one of the lights", "oh one of the lights"),
    ("between ten and twenty", "between 10 and 20"),
    ("loud <unk> noise", "loud noise"),
    ("", ""),
]
# fmt: off
NUMBER_WORDS = [
    "zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty",
    "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand", "and",
]
# fmt: on
PLAIN_WORDS = ["the", "road", "light", "is", "broken", "number", "flat", "of", "first", "no", "north", "please", "i"]
HAN_NUMERALS = "零〇一幺二两三四五六七八九十百千万"
HAN_PLAIN = ["路灯", "坏了", "小区", "请", "号", "楼", "点", "月", "第", "路", "单元"]


@pytest.mark.parametrize(("said", "expected"), CHINESE)
def test_chinese(said: str, expected: str) -> None:
    assert typed(said.split(), "zh") == expected


@pytest.mark.parametrize(("said", "expected"), ENGLISH)
def test_english(said: str, expected: str) -> None:
    assert typed(said.split(), "en") == expected


@pytest.mark.parametrize("number", [*range(1, 130), 200, 999, 1000, 1001, 1010, 1100, 2026, 9999])
def test_every_house_number_comes_back_as_its_figures(number: int) -> None:
    """Spelled here in another way than the product does."""
    assert typed([_spell(number), "号"], "zh") == f"{number}号"


def test_a_language_without_rules_is_joined_only() -> None:
    assert typed(["la", "calle", "dos"], "es") == "la calle dos"


@given(st.lists(st.sampled_from([*NUMBER_WORDS, *PLAIN_WORDS]) | st.text(max_size=6), max_size=12))
def test_english_keeps_every_word_that_is_no_number(words: list[str]) -> None:
    numbers = {*NUMBER_WORDS, "o"}
    kept = [part for word in words if is_word(word) for part in word.split() if part not in numbers]
    left = [word for word in re.findall(r"\S+", typed(words, "en")) if word not in numbers]
    remaining = iter(left)
    if not any(re.search(r"[\u3400-\uffff]", word) for word in words):
        assert all(word in remaining for word in kept), (kept, left)


@given(st.lists(st.sampled_from(HAN_PLAIN) | st.text(alphabet=HAN_NUMERALS, min_size=1, max_size=3), max_size=12))
def test_chinese_keeps_every_character_that_is_no_numeral(words: list[str]) -> None:
    def without_numbers(text: str) -> str:
        return re.sub(f"[{HAN_NUMERALS}0-9]", "", text)

    assert without_numbers(typed(words, "zh")) == without_numbers("".join(words))


@given(st.lists(st.text(max_size=8), max_size=12), st.sampled_from(["zh", "en", "es", ""]))
def test_nothing_makes_it_fail(words: list[str], language: str) -> None:
    assert isinstance(typed(words, language), str)


def _spell(number: int) -> str:
    text = ""
    for value, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // value % 10
        if digit:
            text += "零一二三四五六七八九"[digit] + unit
        elif text and not text.endswith("零") and number % value:
            text += "零"
    return text[1:] if text.startswith("一十") else text
