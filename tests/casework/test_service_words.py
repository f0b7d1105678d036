"""What people type finds what departments wrote, in both languages, and nothing finds what it is not about."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.casework import service_words
from gateway.casework.service_words import answers, asked, ranked, weights
from gateway.journey import folding
from store.services import Entry, Match, Said, ServiceKind

ENTRIES = {
    "passport": Entry(
        "police",
        ServiceKind.GUIDE,
        {
            "en": Said(
                "Passport and travel papers", "Bring your old one and a photo.", ("passport", "travel document")
            ),
            "zh": Said("护照办理", "带旧护照和照片。", ("护照", "出国")),
        },
    ),
    "id": Entry("police", ServiceKind.GUIDE, {"zh": Said("补领身份证", "到派出所补领。", ("身份证",))}),
    "id-lost": Entry("police", ServiceKind.GUIDE, {"zh": Said("身份证挂失", "先挂失。", ("身份证挂失",))}),
    "pools": Entry("sport", ServiceKind.HOURS, {"en": Said("Swimming pools", "Open from 8 to 20.", ("pool",))}),
    "outage": Entry("water", ServiceKind.OUTAGE, {"zh": Said("解放路停水", "今晚停水。", ("停水",))}),
}


def found(question: str) -> list[str]:
    wanted = asked(question)
    kept = [Match(name, word, weight) for name, entry in ENTRIES.items() for word, weight in weights(entry).items()]
    return ranked(wanted, [match for match in kept if match.word in wanted.words])


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("passport", ["passport"]),
        ("PASSPORTS", ["passport"]),
        ("how do i renew my passport?", ["passport"]),
        ("travel documents", ["passport"]),
        ("护照", ["passport"]),
        ("護照怎么办", ["passport"]),
        ("我想出国", ["passport"]),
        ("身份证", ["id"]),
        ("身份证丢了怎么办", ["id"]),
        ("身份证挂失", ["id-lost"]),
        ("身份 证", ["id"]),
        ("挂失", ["id-lost"]),
        ("swimming", ["pools"]),
        ("pool", ["pools"]),
        ("old photo", ["passport"]),
        ("解放路什么时候停水", ["outage"]),
        ("swimming lessons", ["pools"]),
        ("kayak", []),
        ("the", []),
        ("怎么办", []),
        ("?!", []),
        ("", []),
        ("photo shop", []),
    ],
)
def test_a_question_finds_what_it_means(question: str, names: list[str]) -> None:
    assert found(question) == names


def test_one_keyword_of_several_entries_finds_them_all() -> None:
    both = {"a": Entry("x", ServiceKind.GUIDE, {"en": Said("Renew a passport", "", ("passport",))})}
    both["b"] = Entry("x", ServiceKind.GUIDE, {"en": Said("Lost passport", "", ("passport", "lost passport"))})
    kept = [Match(name, word, weight) for name, entry in both.items() for word, weight in weights(entry).items()]
    assert sorted(ranked(asked("passport"), kept)) == ["a", "b"]
    assert ranked(asked("my lost passport"), kept) == ["b"]


@given(some.text(max_size=60))
def test_any_text_is_looked_up_by_a_bounded_number_of_words(text: str) -> None:
    wanted = asked(text)
    assert len(wanted.words) <= 60 * service_words.LONGEST_KEYWORD + 60
    assert all(word.strip() for word in wanted.words)


@given(some.text(min_size=1, max_size=40))
def test_an_entry_is_found_by_its_own_keyword(text: str) -> None:
    entry = Entry("x", ServiceKind.GUIDE, {"en": Said("t", "t", (text,))})
    units = len(service_words._units(folding.fold(text)))
    kept = service_words.WHOLE + service_words.normal(text)
    if 0 < units <= service_words.LONGEST_KEYWORD and len(kept) <= 64:
        assert answers(entry, text)
