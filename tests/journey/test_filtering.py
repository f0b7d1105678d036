"""What the word lists say of a text, and what an operator hears of a list that cannot be used."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SettingsError
from gateway.journey.filtering import LISTS, WordFilter
from gateway.schema import Ruling, Verdict

CONFIG = Path(__file__).parents[2] / "config" / "words"
WORDS = WordFilter(
    {
        Ruling.BLOCK: ["赌博", "ass", "加V", "13", "c++", "\u200b"],
        Ruling.HOLD: ["六 合 彩", "赌博", "buy now"],
        Ruling.WATCH: ["gas leak", "煤氣洩漏"],
    }
)


def everything(folder: Path) -> None:
    for ruling in LISTS:
        (folder / f"{ruling}.txt").write_text("", encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "ruling", "rules"),
    [
        ("暖气不热", Ruling.PASS, ()),
        ("", Ruling.PASS, ()),
        ("有人赌博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
        ("有人賭博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
        ("赌 博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
        ("赌*博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
        ("赌.-_~😀\n博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
        ("赌\u200b\u0336博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
        ("赌x博", Ruling.PASS, ()),
        ("六合彩 and 六-合-彩", Ruling.HOLD, ("hold:六合彩",)),
        ("煤气泄漏", Ruling.WATCH, ("watch:煤气泄漏",)),
        ("煤气泄漏, buy now", Ruling.HOLD, ("hold:buy now", "watch:煤气泄漏")),
        ("a GAS\nLEAK!", Ruling.WATCH, ("watch:gas leak",)),
        ("gas leaks", Ruling.PASS, ()),
        ("class", Ruling.PASS, ()),
        ("assets", Ruling.PASS, ()),
        ("cl-ass", Ruling.BLOCK, ("block:ass",)),
        ("你是ass吗", Ruling.BLOCK, ("block:ass",)),
        ("ＡＳＳ", Ruling.BLOCK, ("block:ass",)),
        ("a ss", Ruling.PASS, ()),
        ("加 v 8888", Ruling.BLOCK, ("block:加v",)),
        ("加vip", Ruling.PASS, ()),
        ("2013", Ruling.PASS, ()),
        ("room 13", Ruling.BLOCK, ("block:13",)),
        ("c++x", Ruling.BLOCK, ("block:c++",)),
        ("\ud800赌博", Ruling.BLOCK, ("block:赌博", "hold:赌博")),
    ],
)
def test_the_worst_word_rules(text: str, ruling: Ruling, rules: tuple[str, ...]) -> None:
    assert WORDS.judge(text) == Verdict(ruling, rules)


@given(st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("赌博六合彩ass* \u200b"))))
def test_any_text_is_judged(text: str) -> None:
    verdict = WORDS.judge(text)
    assert (verdict.ruling is Ruling.PASS) == (verdict.rules == ())
    assert list(verdict.rules) == sorted(set(verdict.rules))


@given(st.text(alphabet=" *.-_~，。·\u200b\ufe0f\u0301", max_size=8))
def test_no_separator_hides_a_word(separator: str) -> None:
    assert WORDS.judge(f"参加赌{separator}博吗").ruling is Ruling.BLOCK


def test_without_words_everything_passes() -> None:
    assert WordFilter({}).judge("赌博") == Verdict(Ruling.PASS)


def test_lists_are_read_with_comments_and_a_byte_order_mark(tmp_path: Path) -> None:
    everything(tmp_path)
    (tmp_path / "hold.txt").write_bytes("\ufeff# a comment\r\n\r\n  賭 博 \r\n#赌场\r\n".encode())
    words = WordFilter.load(tmp_path)
    assert words.judge("赌博").rules == ("hold:赌博",)
    assert words.judge("a comment 赌场").ruling is Ruling.PASS


def test_every_unusable_list_is_told_at_once(tmp_path: Path) -> None:
    everything(tmp_path)
    (tmp_path / "block.txt").unlink()
    (tmp_path / "watch.txt").write_bytes("着火\n".encode() + "煤气".encode("gb18030") + b"\n")
    with pytest.raises(SettingsError) as caught:
        WordFilter.load(tmp_path)
    assert [(Path(problem.where).name, problem.key) for problem in caught.value.problems] == [
        ("block.txt", "file"),
        ("watch.txt", "line 2"),
    ]
    assert "UTF-8" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "ruling"),
    [
        ("专业代 开 发 票，请联系", Ruling.BLOCK),
        ("payday loan offer!!", Ruling.BLOCK),
        ("举报：楼下聚众赌博", Ruling.HOLD),
        ("your mayor took a bribe", Ruling.HOLD),
        ("楼道里有煤气味，怀疑煤气洩漏", Ruling.WATCH),
        ("I smell gas in the stairs", Ruling.WATCH),
        ("幸福路3号院暖气不热，三天了", Ruling.PASS),
        ("The street light at 5 Main Street is broken", Ruling.PASS),
        ("诈骗短信太多，请管一管", Ruling.PASS),
        ("firewood is stored in the classroom", Ruling.PASS),
    ],
)
def test_the_lists_of_the_first_day(text: str, ruling: Ruling) -> None:
    assert WordFilter.load(CONFIG).judge(text).ruling is ruling


def test_fifty_thousand_words_are_no_burden(tmp_path: Path) -> None:
    everything(tmp_path)
    chance = random.Random(1)
    words = ["".join(chr(chance.randrange(0x4E00, 0x9FA6)) for _ in range(chance.randint(3, 6))) for _ in range(50_000)]
    (tmp_path / "block.txt").write_text("\n".join(words), encoding="utf-8")
    began = time.process_time()
    heavy = WordFilter.load(tmp_path)
    loading = time.process_time() - began
    light = WordFilter({})
    text = "幸福路3号院的暖氣從昨天晚上開始就不熱了，打電話沒人接，請盡快處理！Room 302，2024年1月15日。"
    assert heavy.judge(text + words[-1]).ruling is Ruling.BLOCK
    assert loading < 3  # a third of a second where nothing else runs
    assert cost(heavy, text) < 10 * cost(light, text)


def cost(words: WordFilter, text: str) -> float:
    """The least CPU seconds of a thousand judgements."""

    def once() -> float:
        began = time.process_time()
        for _ in range(1000):
            words.judge(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize(
    "hostile", ["* " * 50_000, "赌" + "*" * 100_000, "赌*" * 50_000, "*" * 100_000 + "赌", "ass" * 33_000]
)
def test_a_hostile_text_takes_no_longer_than_another(hostile: str) -> None:
    began = time.process_time()
    WORDS.judge(hostile)
    # Trying a run of separators again at each of its characters takes a minute.
    assert time.process_time() - began < 2
