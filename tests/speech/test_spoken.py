"""What a voice reads of a written text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from speech.spoken import LONGEST, digits, spoken


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "Your ticket is 48217059.", "Your ticket is 4 8 2 1, 7 0 5 9."),
        ("zh", "编号48217059。", "编号四八二一，七零五九。"),
        ("en", "call +86 571-8765-4321", "call 8 6 5 7, 1 8 7 6, 5 4 3, 2 1"),
        ("zh", "请拨打 +86 57112345", "请拨打 八六五七，一一二三，四五"),
        ("en", "Hang up and call 110/119/120, or press 5.", "Hang up and call 1 1 0 or 1 1 9 or 1 2 0, or press 5."),
        (
            "zh",
            "请挂机拨打110/120，或按5。紧急情况请拨 119。",
            "请挂机拨打一一零、一二零，或按5。紧急情况请拨 一一九。",
        ),
        ("en", "call 110.5, 110 calls", "call 110.5, 110 calls"),
        ("en", "at 08:30 on 2026-11-25", "at 8 30 on 25 November 2026"),
        ("en", "from 9:00 to 17:05", "from 9 o'clock to 17 oh 5"),
        ("zh", "2026-11-25 08:05开始", "二零二六年11月25日 8点零5分开始"),
        ("zh", "2026年停水", "二零二六年停水"),
        ("zh", "完成80%，长3.5km", "完成百分之80，长3.5公里"),
        ("en", "80% done, 3.5 km, 21℃", "80 percent done, 3.5 kilometres, 21 degrees"),
        ("en", "see https://city.example/posts/48217059?x=1 or *here*", "see the link on our website or here"),
        ("zh", "写信到 a.b@city.example。", "写信到 网站上的邮箱 。"),
        ("zh", "请发邮件至info@city.example联系我们。", "请发邮件至 网站上的邮箱 联系我们。"),
        ("zh", "“https://city.example/a”已更新", "“ 网站上的链接 ”已更新"),
        ("zh", "见www.city.example/a？x=1、https://city.example！", "见 网站上的链接 ？x=1、 网站上的链接 ！"),
        ("en", "See https://city.example/a. Then call.", "See the link on our website . Then call."),
        ("zh", "请拨打010-12345678咨询", "请拨打零一零一，二三四五，六七八咨询"),
        ("en", "Call 010-1234567.", "Call 0 1 0 1, 2 3 4 5, 6 7."),
        ("en", "<b>water</b> off 😀🚰 #1", "water off 1"),
        ("en", "3 - 5 people, 10 20", "3 - 5 people, 10 20"),
        ("en", "1,250,000 people and 12.50 yuan", "1,250,000 people and 12.50 yuan"),
        ("zh", "人民路12号", "人民路12号"),
        ("en", "5 m wide, 5 mm thick, 5 men", "5 metres wide, 5 millimetres thick, 5 men"),
        ("en", "1-13-45 and 25:99", "1-13-45 and 25:99"),
        ("en", "😀", ""),
        ("zh", "", ""),
    ],
)
def test_written_things_are_read_as_people_would(language: str, written: str, said: str) -> None:
    assert spoken(written, language) == said


@pytest.mark.parametrize(
    ("number", "en", "zh"),
    [
        ("48217059", "4 8 2 1, 7 0 5 9", "四八二一，七零五九"),
        ("110", "1 1 0", "一一零"),
        ("12345", "1 2 3, 4 5", "一二三，四五"),
    ],
)
def test_digits_come_in_groups_and_none_stands_alone(number: str, en: str, zh: str) -> None:
    assert digits(number, "en") == en
    assert digits(number, "zh") == zh


@given(some.text(max_size=300), some.sampled_from(["zh", "en", "xx"]))
def test_any_text_can_be_read(text: str, language: str) -> None:
    said = spoken(text, language)
    assert not any(letter in said for letter in "<>*_`\0")
    assert said == said.strip()


@pytest.mark.parametrize("run", ["1", "路", "a", "1-", "12 ", "+", "www.", "http://", "a@", "5 "])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_run_of_anything_takes_long(run: str, language: str) -> None:
    """A second is far more than it takes, far less than a pattern needs that goes through a run from each letter."""
    begun = time.thread_time()
    assert len(spoken(run * (40_000 // len(run)), language)) <= LONGEST
    assert time.thread_time() - begun < 1


def test_a_long_text_ends_with_a_sentence() -> None:
    said = spoken("One sentence more. " * 1000, "en")
    assert len(said) <= LONGEST
    assert said.endswith("more.")
