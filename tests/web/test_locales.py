"""Every word of the pages stands in Chinese too, and nothing stands there that no page says."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from gateway.settings import load
from gateway.web import catalogues, delivery_labels

WEB = Path(catalogues.__file__).parent
ROOT = Path(__file__).parents[2]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
# Phrases that stand within others, or are said on the phone and the radio: no message is one of them.
WITHIN = ("voice_", "radio_", "state_", "progress_", "reason_", "fault_", "service_", "topic_")
ALSO_WITHIN = {"answer_files", "ask_mark", "department_none", "phrase_notice"}
LATIN_ONLY = re.compile(r"^[\x00-\x7f]*$")


def said() -> set[str]:
    """Every message of the templates and of the sources."""
    found: set[str] = set()
    for path in sorted((WEB / "templates").rglob("*.html")):
        found |= set(extracted("jinja2.ext:babel_extract", path))
    for path in sorted(WEB.glob("*.py")):
        found |= set(extracted("python", path))
    return found


def extracted(method: str, path: Path) -> Iterator[str]:
    for _, message, _, _ in extract_from_file(method, path, KEYWORDS, options={"silent": "false"}):
        yield message if isinstance(message, str) else message[0]


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with (catalogues.FOLDER / "zh/LC_MESSAGES/everyline.po").open("rb") as file:
        return read_po(file, locale="zh")


def test_something_is_said() -> None:
    assert {"Skip to the content", "Waiting for review", "There is nothing here", "%(num)s try"} <= said()


def test_every_message_is_translated(chinese: Catalog) -> None:
    missing = {message for message in said() if not (known := chinese.get(message)) or not all(_strings(known.string))}
    assert missing == set()


def test_no_translation_is_unsure_left_over_or_in_english(chinese: Catalog) -> None:
    messages = [message for message in chinese if message.id]
    assert [message.id for message in messages if message.fuzzy] == []
    assert {_first(message.id) for message in messages} - said() == set()
    assert {_first(m.id) for m in messages if all(LATIN_ONLY.match(s) for s in _strings(m.string))} == set()


def test_each_message_stands_there_once() -> None:
    """Of two the reader silently takes the first, so that whoever words the second anew changes nothing."""
    text = (catalogues.FOLDER / "zh/LC_MESSAGES/everyline.po").read_text(encoding="utf-8")
    messages = re.findall(r"^msgid ((?:\".*\"\n)+)", text, re.MULTILINE)
    assert len(messages) > 1000
    assert [message for message, number in Counter(messages).items() if number > 1] == []


def test_translations_name_the_same_values(chinese: Catalog) -> None:
    wrong = [
        m.id
        for m in chinese
        if m.id and any(_values(s) - {"num"} != _values(_first(m.id)) - {"num"} for s in _strings(m.string))
    ]
    assert wrong == []


def test_phrases_name_the_same_values() -> None:
    phrases = load({"EVERYLINE_CONFIG": str(ROOT / "config")}).phrases
    named = {
        language: {
            key: {name for _, name, _, _ in Formatter().parse(text) if name} - {"city", "emergency"}
            for key, text in said.items()
        }
        for language, said in phrases.items()
    }
    assert named["zh"] == named["en"]


def test_the_console_has_words_for_each_message_that_is_sent() -> None:
    for phrases in load({}).phrases.values():
        sent = {key for key in phrases if not key.startswith(WITHIN)} - ALSO_WITHIN
        assert sent <= delivery_labels.PHRASES.keys(), "a delivery of it would stand there by its bare key"


def test_a_missing_catalogue_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        catalogues.read(tmp_path)


def _first(message: str | list[str] | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


def _strings(message: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [message or ""] if isinstance(message, str) or message is None else list(message)


def _values(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)", text))
