"""The word filter and the masking, on what citizens write, with 50,000 words and everything on that is shipped on.

The filter stands beside a bare search of the same texts by the same library for the same words: no folding, no sounds,
no looks. Both take the texts in turns, in one process; the values are the medians of the rounds.
"""

import random
import statistics
import time
from collections.abc import Callable

from ahocorasick_rs import AhoCorasick

from gateway.journey.filtering import WordFilter
from gateway.journey.masking import mask
from gateway.journey.wordlists import Word, WordList
from tests.bench.intake import Figure

ROUNDS = 7
TEXTS = 4000
WORDS = 50_000
SENTENCES = (
    "人民路3号路灯坏了，晚上很黑，请尽快处理一下，谢谢！",
    "幸福小区二期从昨天晚上开始停水，物业电话一直打不通。",
    "幸福路3號院的暖氣從昨天晚上開始就不熱了，打電話沒人接，請盡快處理！",
    "公交站牌被撞歪了，老人和孩子过马路很危险😟。",
    "楼下烧烤摊每天营业到凌晨两点，油烟和噪音都很大，多次投诉没有结果……",
    "Room 302, Building 5：电梯又停了，已经是这个月第三次！",
    "感谢环卫工人，今天的街道特别干净。",
    "请问医保卡在哪里补办？需要带什么材料？周末上班吗？",
)
WITH_NUMBERS = (
    "请打13800138000找我，或者座机010-82345678。",
    "工单48217053三天了没人管，车牌京A12345，邮箱zhang@example.com。",
)


def measure() -> list[Figure]:
    """How many megabytes (UTF-8) a second go through filter and masking, and how long one usual message takes."""
    chance = random.Random(1)
    words = ["".join(chr(chance.randrange(0x4E00, 0x9FA6)) for _ in range(chance.randint(2, 6))) for _ in range(WORDS)]
    texts = ["".join(chance.choices(SENTENCES, k=chance.randint(1, 9))) for _ in range(TEXTS)]
    numbered = ["".join(chance.choices((*SENTENCES, *WITH_NUMBERS), k=4)) for _ in range(TEXTS)]
    judge = WordFilter({WordList.HOLD: [Word(word) for word in words]}).judge
    bare = AhoCorasick(words)
    judged: list[float] = []
    searched: list[float] = []
    masked: list[float] = []
    for turn in range(ROUNDS + 1):
        figures = (
            _rate(judge, texts),
            _rate(lambda text: bare.find_matches_as_indexes(text, overlapping=True), texts),
            _rate(mask, numbered),
        )
        if turn:  # the first round builds the tables
            for values, value in zip((judged, searched, masked), figures, strict=True):
                values.append(value)
    rate = statistics.median(judged)
    usual = 30 / len(SENTENCES[0]) * min(_seconds(judge, SENTENCES[:1] * 1000) for _ in range(5)) * 1000
    return [
        Figure("filter", rate, "MB/s", 10),
        Figure(
            "filter_ratio",
            statistics.median(a / b for a, b in zip(judged, searched, strict=True)),
            "of a bare search",
            0.05,
        ),
        Figure("filter_message", usual, "us for 30 characters", 15, more_is_better=False),
        Figure("masking", statistics.median(masked), "MB/s, every second text with numbers", 2),
    ]


def _rate(work: Callable[[str], object], texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / _seconds(work, texts) / 1e6


def _seconds(work: Callable[[str], object], texts: list[str] | tuple[str, ...]) -> float:
    began = time.perf_counter()
    for text in texts:
        work(text)
    return time.perf_counter() - began
