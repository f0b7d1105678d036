"""What a bulletin says: the news put into the sentences of `config/phrases`, as a voice reads them. Pure.

What is quoted stays in the language it was written in and is read by a voice of that language; only what stands around
it is the bulletin's. Nothing is said but masked text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from babel.dates import format_date

from gateway.journey import masking
from gateway.journey.rendering import department_name, topic_name
from gateway.runtime import Runtime
from gateway.schema import Kind
from store.bulletins import Composed, Edition, Part
from store.history import Heard
from store.news import Item, News, Said

# A part's name in lists, in characters.
LONGEST_NAME = 60
# Where a text may be cut off: behind a sentence, else behind a clause or a word.
_SENTENCE = re.compile(r"[。！？!?；;]|\.(?=\s)")
_CLAUSE = re.compile(r"[，,、\s]")


def compose(
    runtime: Runtime, language: str, edition: Edition, at: datetime, news: News, heard: Mapping[str, Heard]
) -> Composed:
    """The title and the parts of a bulletin; `heard` is what recordings say, by media id."""
    local = at.astimezone(runtime.settings.city.zone)
    values = {"date": format_date(local, "full", locale=language), "time": f"{local:%H:%M}"}
    named = runtime.phrase(f"radio_edition_{edition}", language, values)
    title = runtime.phrase("radio_title", language, {**values, "edition": named})
    greeting = [runtime.phrase(f"radio_hello_{edition}", language, values), _count(runtime, language, news)]
    parts = [
        _own(runtime, language, "radio_greeting_name", _joined(language, greeting)),
        *(item_part(runtime, language, item, heard) for item in news.items),
        _own(runtime, language, "radio_closing_name", _closing(runtime, language, news)),
    ]
    return Composed(title[:200], tuple(parts))


def item_part(runtime: Runtime, language: str, item: Item, heard: Mapping[str, Heard]) -> Part:
    """One thread: what it is about and where, its words, and what departments answer."""
    said = [(language, _joined(language, _about(runtime, language, item))), *_quoted(runtime, language, item.first)]
    for answer in item.answers:
        department = department_name(runtime, answer.department, language)
        said.append((language, runtime.phrase("radio_answer", language, {"department": department})))
        said += _quoted(runtime, language, answer)
    sources = tuple((one.id, one.version) for one in (item.first, *item.answers))
    voice = item.voice.id if item.voice and may_be_heard(runtime, item.first.text, heard.get(item.voice.id)) else None
    return Part(_name(item.first.text), tuple(said), item.ticket, sources, voice)


def may_be_heard(runtime: Runtime, text: str, heard: Heard | None) -> bool:
    """Whether a recording says just what was published: the same words as were written down, and nothing masked.

    Words corrected by hand leave in the recording what the machine heard there, which may be a number.
    """
    if not runtime.settings.radio.own_voices or heard is None:
        return False
    said = heard.corrected or heard.text
    if not said or said != text:
        return False
    return all(masking.mask_as_set(runtime.settings, words) == words for words in (said, heard.text))


def cut(text: str, most: int) -> tuple[str, bool]:
    """A text on one line, cut off at a good place if it is longer than `most` characters; whether it was."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line, False
    begin = line[:most]
    for good in (_SENTENCE, _CLAUSE):
        ends = [found.end() for found in good.finditer(begin) if found.end() > most // 2]
        if ends:
            return begin[: ends[-1]].rstrip(), True
    return begin, True


def _own(runtime: Runtime, language: str, name: str, text: str) -> Part:
    return Part(runtime.phrase(name, language), ((language, text),))


def _count(runtime: Runtime, language: str, news: News) -> str:
    if not news.items:
        return runtime.phrase("radio_nothing", language)
    return runtime.phrase("radio_number", language, {"posts": news.posts, "answers": news.answers})


def _closing(runtime: Runtime, language: str, news: News) -> str:
    """How much was not told, and how to say something oneself."""
    untold = [runtime.phrase("radio_untold", language, {"number": news.untold})] if news.untold else []
    lines = [
        runtime.phrase("radio_call" if channel.capabilities.spoken else "radio_text", language, {"number": number})
        for channel, number in runtime.numbers()
    ] or [runtime.phrase("radio_write", language)]
    bye = runtime.phrase("radio_bye", language, {"lines": _joined(language, lines)})
    return _joined(language, [*untold, bye])


def _joined(language: str, sentences: Iterable[str]) -> str:
    return ("" if language == "zh" else " ").join(sentences)


def _about(runtime: Runtime, language: str, item: Item) -> Iterator[str]:
    if item.earlier:
        yield runtime.phrase("radio_earlier", language)
    key = "radio_about"
    if not (item.category and item.place):
        notice = "_notice" if item.kind is Kind.NOTICE else "_nothing"
        key += "_category" if item.category else "_place" if item.place else notice
    category = topic_name(runtime, f"category:{item.category}", language)
    yield runtime.phrase(key, language, {"category": category, "place": item.place})


def _quoted(runtime: Runtime, language: str, said: Said) -> Iterator[tuple[str, str]]:
    text, is_cut = cut(said.text, runtime.settings.radio.longest_text)
    yield said.language, text
    if is_cut:
        yield language, runtime.phrase("radio_more", language)


def _name(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1].rstrip() + "…"
