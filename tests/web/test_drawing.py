import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from jinja2 import UndefinedError

from channels.base import Capabilities, Channel, ChannelSettings, Surroundings
from channels.registry import Mode, Plan
from gateway import clock
from gateway.runtime import Runtime
from gateway.schema import Kind, Place, State
from gateway.schema_cases import Progress
from gateway.schema_public import PublicMedia, PublicPost
from gateway.settings import Settings
from gateway.web import labels, languages, pictures, post_labels
from gateway.web.drawing import ERRORS, TEMPLATES, Drawing
from gateway.web.keys import LANGUAGE
from tests.web.conftest import World

EARLY = datetime(2026, 11, 23, 18, 5, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def drawing(runtime: Runtime) -> Drawing:
    return Drawing(runtime, csrf=lambda request: 'to"ken', visitor=lambda request: "web:1")


def post(text: str = "a leak", **changes: object) -> PublicPost:
    values: dict[str, object] = {
        "id": "1",
        "ticket": "48217053",
        "kind": Kind.REPORT,
        "text": text,
        "channel": "sms_twilio",
        "state": State.PUBLISHED,
        "progress": Progress.NEW,
        "category": None,
        "department": None,
        "place": Place(),
        "media": (),
        "created_at": EARLY,
        "published_at": EARLY,
        "parent": None,
        "comments": 0,
    }
    return PublicPost(**{**values, **changes})  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("en", ["Report", "Text message", "24 Nov 2026, 02:05", "Water and drains"]),
        ("zh", ["诉求", "短信", "2026年11月24日 02:05", "供水排水"]),
    ],
)
def test_a_fragment_speaks_the_language_and_the_city_s_time(drawing: Drawing, language: str, parts: list[str]) -> None:
    fragment = drawing.fragment(post(category="water"), language)
    assert all(part in fragment for part in parts)
    assert 'datetime="2026-11-23T18:05:00+00:00"' in fragment
    assert fragment.startswith('<article class="post" id="p-48217053" data-progress="')


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '" onclick="x', "{{ 7 * 7 }}", "<!--"])
def test_words_of_strangers_stay_words(drawing: Drawing, hostile: str) -> None:
    place, answer = Place(hostile), post(hostile, id="2", department="water", parent="1")
    fragment = drawing.fragment(post(hostile, place=place, answers=(answer,)), "en")

    class Seen(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: set[str] = set()
            self.attributes: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags |= {tag}
            self.attributes |= {name for name, _ in attrs}

    seen = Seen()
    seen.feed(fragment)
    assert "script" not in seen.tags
    assert not any(name.startswith("on") for name in seen.attributes)
    assert "49" not in fragment.replace("48217053", "")


def test_photos_are_shown_small_with_their_room_kept(drawing: Drawing) -> None:
    """The page knows each picture's size before it comes, so that nothing jumps."""
    photos = tuple(
        PublicMedia(f"/media/{number}", "image/jpeg", preview=f"/media/{number}/preview", width=2048, height=1024)
        for number in (1, 2)
    )
    fragment = drawing.fragment(post(media=photos), "en")
    assert '<a href="/media/2"><img src="/media/2/preview" width="480" height="240" alt="Photo 2 of 2' in fragment
    assert 'loading="lazy"' in fragment


def test_a_file_that_is_no_photo_is_not_shown(drawing: Drawing) -> None:
    assert "/media/1" not in drawing.fragment(post(media=(PublicMedia("/media/1", "text/html"),)), "en")


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((2048, 1024), (480, 240)),
        ((1000, 4000), (120, 480)),
        ((300, 200), (300, 200)),
        ((4000, 1), (480, 1)),
        ((None, None), (480, 480)),
    ],
)
def test_a_preview_keeps_the_shape_of_its_picture(size: tuple[int | None, int | None], small: tuple[int, int]) -> None:
    assert pictures.fitted(*size, 480) == small


def test_no_template_holds_inline_script_or_style() -> None:
    for path in Path(TEMPLATES).rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\bsrc=)", text), path


def test_a_template_that_asks_for_what_is_not_there_fails(drawing: Drawing) -> None:
    with pytest.raises(UndefinedError):
        drawing.draw("en", "fragment.html", {})


@pytest.mark.parametrize(("status", "known"), [(404, 404), (418, 400), (502, 500), (503, 503)])
async def test_errors_are_told_in_words(drawing: Drawing, status: int, known: int) -> None:
    request = make_mocked_request("GET", "/nowhere")
    request[LANGUAGE] = "en"
    response = await drawing.error_page(request, status, reference="abc123")
    assert response.status == status
    assert ERRORS[known][0] in str(response.text)
    assert "abc123" in str(response.text)


async def test_a_form_s_token_is_escaped(drawing: Drawing) -> None:
    request = make_mocked_request("GET", "/login")
    values = {"next": "/console", "name": "", "fault": None}
    text = str((await drawing.page(request, "login.html", values)).text)
    assert '<input type="hidden" name="csrf" value="to&#34;ken">' in text


@pytest.mark.parametrize(
    ("query", "link"),
    [("", "?lang=en"), ("?department=water", "?department=water&amp;lang=en"), ("?lang=zh", "?lang=en")],
)
async def test_the_other_language_is_one_link_away_on_the_same_page(world: World, query: str, link: str) -> None:
    page = await (await world.client.get(f"/rules{query}", headers={"Accept-Language": "zh"})).text()
    assert f'href="{link}"' in page


@pytest.mark.parametrize(
    ("path", "accepted", "marked"),
    [("/rules", "en", "en"), ("/rules", "zh-CN", "zh-Hans"), ("/rules?lang=en", "zh", "en")],
)
async def test_a_page_says_its_language(world: World, path: str, accepted: str, marked: str) -> None:
    response = await world.client.get(path, headers={"Accept-Language": accepted})
    assert f'<html lang="{marked}">' in await response.text()
    assert response.headers["Content-Language"] == marked[:2]


@pytest.mark.parametrize(
    ("waited", "en", "zh"), [(timedelta(seconds=20), "20 seconds", "20秒钟"), (timedelta(hours=3), "3 hours", "3小时")]
)
def test_an_age_is_told_in_words(drawing: Drawing, waited: timedelta, en: str, zh: str) -> None:
    clock.replace(now=lambda: NOON)
    try:
        for language, words in (("en", en), ("zh", zh)):
            age = drawing._environments[language].filters["age"]
            assert age(NOON - waited) == words
    finally:
        clock.replace()


class Numbered(Channel):
    """A line with a number."""

    name = "sms_numbered"
    capabilities = Capabilities(receives=True)


class NumberedSettings(ChannelSettings):
    number: str


def test_lines_are_those_that_receive_and_have_a_number(drawing: Drawing, runtime: Runtime) -> None:
    runtime.plans = [
        Plan(Numbered.name, Mode.SIMULATED, "a test", Numbered, NumberedSettings(number="+8612345")),
        Plan("wall", Mode.ON, "a test", Numbered, NumberedSettings(number="+8600000")),
    ]
    form = runtime.channels["form"]
    around = Surroundings(form.city, form.http)
    runtime.channels[Numbered.name] = Numbered(NumberedSettings(number="+8612345"), around)
    [line] = drawing._lines()
    assert (line.medium, line.number, line.speaks, line.simulated) == ("Text message", "+8612345", False, True)


@pytest.mark.parametrize(
    ("text", "language"), [("漏水 here", "zh"), ("leak", "en"), ("12345", None), ("", None), ("утечка", None)]
)
def test_the_script_tells_the_language(text: str, language: str | None) -> None:
    assert languages.speaks(text) == language


@pytest.mark.parametrize(
    ("changes", "way"),
    [
        ({"state": State.PENDING, "text": ""}, [True, True, False, False]),
        ({"state": State.REJECTED, "text": ""}, [True, True]),
        ({"state": State.WITHDRAWN, "text": ""}, [True, True]),
        ({}, [True, True, False, False]),
        ({"progress": Progress.ASSIGNED}, [True, True, True, False]),
        ({"progress": Progress.ANSWERED}, [True, True, True, True]),
    ],
)
def test_a_post_s_way(changes: dict[str, object], way: list[bool]) -> None:
    assert [step.reached for step in post_labels.steps(post(**changes))] == way  # type: ignore[arg-type]  # by name


def test_an_unknown_medium_goes_by_its_name(settings: Settings) -> None:
    assert (labels.medium("sms_smpp"), labels.medium("carrier_pigeon")) == ("Text message", "carrier_pigeon")
