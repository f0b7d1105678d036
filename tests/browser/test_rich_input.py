"""Photos, a voice note and a position by the form: with scripts from a telephone's screen, and without any."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Geolocation, Page, async_playwright, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM, Watched
from tests.browser.test_first_journey import SOON, make_administrator
from tests.journey.test_media import film, photo_taken
from tests.journey.test_photos import picture, written
from tests.process.gateway import Gateway, running

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(240)]

WORDS = "the pipe at the school is leaking"
HERE = Geolocation(latitude=31.23456, longitude=121.45678)
PHONE: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 390, "height": 844}, "has_touch": True}
# A microphone that hums, and a question about it that answers itself: yes.
FAKED = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
# Nobody is at the question: the microphone stays refused.
DENIED = ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running(tmp_path / "var") as started:
        yield started


@pytest.fixture
async def microphone(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """Chromium with a microphone, and with what is said of it."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    extra = getattr(request, "param", FAKED)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *extra])
        yield chromium
        await chromium.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two photos that can be told apart, on the telephone's disk."""
    made = {"lamp.jpg": photo_taken(), "street.png": written(picture((900, 1200)), "PNG")}
    paths = [tmp_path / name for name in made]
    for path, data in zip(paths, made.values(), strict=True):
        path.write_bytes(data)
    return paths


async def publish(window: Watched, gateway: Gateway, console: Page, ticket: str) -> Page:
    """Let the post through by the moderator's page; gives its public page."""
    await console.goto(f"{gateway.url}/console/posts/{ticket}")
    await console.get_by_role("button", name="Publish").click()
    await expect(console.locator(".chip.published").first).to_be_visible()
    return await window.open(f"{gateway.url}/posts/{ticket}")


def ticket_of(page: Page) -> str:
    found = re.search(r"/posts/(\d{8})", page.url)
    assert found
    return found[1]


async def record(form: Page) -> None:
    """Speak for a moment."""
    start = form.get_by_role("button", name="Record a voice note")
    await start.click()
    await expect(form.get_by_role("timer")).to_have_text("0:01", timeout=SOON)
    await form.get_by_role("button", name="Stop").click()
    await expect(form.locator("[data-listen]")).to_be_visible()
    await expect(start).to_be_hidden()


async def test_a_report_with_two_photos_a_voice_note_and_the_position(
    gateway: Gateway, microphone: Browser, photos: list[Path], tmp_path: Path
) -> None:
    context = await microphone.new_context(**PHONE, geolocation=HERE, permissions=["geolocation", "microphone"])
    window = Watched(context)
    console = await make_administrator(window, gateway)
    form = await window.open(f"{gateway.url}/new")
    await form.get_by_label("What is wrong, and where?").fill(WORDS)

    for later in ("Stop", "Discard", "Remove"):
        await expect(form.get_by_role("button", name=later, exact=True)).to_be_hidden()

    # Photos are added one after the other, and one is taken out again.
    other = tmp_path / "mistake.jpg"
    other.write_bytes(written(picture((50, 50)), "JPEG"))
    chooser = form.get_by_label("Photos", exact=True)
    await chooser.set_input_files([photos[0], other])
    await chooser.set_input_files([photos[1]])
    await expect(form.locator(".chosen li")).to_have_count(3)
    await form.get_by_role("button", name="Remove: mistake.jpg").click()
    await expect(form.locator(".chosen img")).to_have_count(2)
    seen = await form.evaluate("[...document.querySelectorAll('.chosen img')].every((one) => one.naturalWidth > 0)")
    assert seen

    # A first try at the voice note is discarded.
    await record(form)
    await form.get_by_role("button", name="Discard").click()
    await record(form)

    await form.get_by_role("button", name="Use my position").click()
    await expect(form.get_by_text("31.23456, 121.45678")).to_be_visible()
    await form.get_by_role("button", name="Remove", exact=True).click()
    await expect(form.get_by_text("31.23456, 121.45678")).to_be_hidden()
    await form.get_by_role("button", name="Use my position").click()
    await expect(form.get_by_text("31.23456, 121.45678")).to_be_visible()
    width = await form.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Received")).to_be_visible()
    ticket = ticket_of(form)

    # Staff see both photos, hear the note, and see where the writer stood.
    row = console.locator("#queue article")
    await expect(row.locator(".thumb img")).to_have_count(2, timeout=SOON)
    await expect(row.locator("audio")).to_have_count(1, timeout=SOON)
    await expect(row.get_by_text("31.23456, 121.45678")).to_be_visible()
    await expect(row.get_by_text("where the writer was")).to_be_visible()

    # A photo taken from the public leaves the row where it is.
    await row.get_by_role("button", name="Leave out").first.click()
    await expect(row.get_by_role("button", name="Show again")).to_have_count(1)
    page = await publish(window, gateway, console, ticket)
    await expect(page.locator(".photos img")).to_have_count(1)
    await console.get_by_role("button", name="Show again").click()
    await expect(page.locator(".photos img")).to_have_count(2)
    await expect(page.locator("audio")).to_have_count(0)
    await context.close()
    assert window.complaints == []


@pytest.mark.parametrize("microphone", [DENIED], indirect=True)
async def test_refused_questions_are_said_and_the_form_still_works(gateway: Gateway, microphone: Browser) -> None:
    context = await microphone.new_context(locale="en-US")
    form = await Watched(context).open(f"{gateway.url}/new")
    await form.get_by_role("button", name="Record a voice note").click()
    await expect(form.get_by_text("The microphone was not allowed")).to_be_visible()
    await form.get_by_role("button", name="Use my position").click()
    await expect(form.get_by_text("Please write where it is.")).to_be_visible()
    await form.get_by_label("What is wrong, and where?").fill(WORDS)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Received")).to_be_visible()


async def test_sending_while_recording_sends_the_note(gateway: Gateway, microphone: Browser) -> None:
    context = await microphone.new_context(locale="en-US", permissions=["microphone"])
    window = Watched(context)
    console = await make_administrator(window, gateway)
    form = await window.open(f"{gateway.url}/new")
    await form.get_by_role("button", name="Record a voice note").click()
    await expect(form.get_by_role("timer")).to_have_text("0:01", timeout=SOON)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Received")).to_be_visible()
    await expect(console.locator("#queue audio")).to_have_count(1, timeout=SOON)
    assert window.complaints == []


async def test_too_much_is_said_before_it_is_sent(gateway: Gateway, english: Watched, tmp_path: Path) -> None:
    form = await english.open(f"{gateway.url}/new")
    small = [tmp_path / f"{number}.jpg" for number in range(7)]
    for path in small:
        path.write_bytes(path.name.encode())
    chooser = form.get_by_label("Photos", exact=True)
    await chooser.set_input_files(small)
    await expect(form.get_by_text("Too many files: at most 6.")).to_be_visible()
    await expect(form.locator(".chosen li")).to_have_count(6)
    await form.get_by_role("button", name="Remove: 0.jpg").click()
    await expect(form.get_by_text("Too many files: at most 6.")).to_be_hidden()
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(20_971_521))
    await chooser.set_input_files([large])
    await expect(form.get_by_text("large.jpg is too large: at most 20 MB")).to_be_visible()
    await expect(form.locator(".chosen li")).to_have_count(5)


async def test_the_form_takes_files_without_scripts(
    gateway: Gateway, browser: Browser, english: Watched, photos: list[Path], tmp_path: Path
) -> None:
    console = await make_administrator(english, gateway)
    context = await browser.new_context(**PHONE, java_script_enabled=False)
    form = await Watched(context).open(f"{gateway.url}/new")
    await expect(form.get_by_role("button", name="Record a voice note")).to_be_hidden()
    await expect(form.get_by_role("button", name="Use my position")).to_be_hidden()

    # A film is refused beside its input; the words stay, and the page says that files do not.
    moving = tmp_path / "moving.mp4"
    moving.write_bytes(film())
    await form.get_by_label("What is wrong, and where?").fill(WORDS)
    await form.get_by_label("Photos", exact=True).set_input_files([moving])
    await form.get_by_role("button", name="Send").click()
    await expect(form.locator("#media-fault")).to_contain_text("moving.mp4: films are not taken")
    await expect(form.get_by_text("please choose your photos and recordings again")).to_be_visible()
    await expect(form.get_by_label("What is wrong, and where?")).to_have_value(WORDS)

    await form.get_by_label("Photos", exact=True).set_input_files(photos)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_role("heading", name="Received")).to_be_visible()
    await expect(console.locator("#queue .thumb img")).to_have_count(2, timeout=SOON)
    await context.close()


async def test_a_form_far_too_large_is_answered_in_words(gateway: Gateway, browser: Browser, tmp_path: Path) -> None:
    """Without scripts nothing stops the upload; the connection must last until the answer was read."""
    context = await browser.new_context(locale="en-US", java_script_enabled=False)
    form = await Watched(context).open(f"{gateway.url}/new")
    heavy = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in heavy:
        path.write_bytes(b"\xff\xd8\xff" + bytes(40_000_000))
    await form.get_by_label("Photos", exact=True).set_input_files(heavy)
    await form.get_by_role("button", name="Send").click()
    await expect(form.get_by_text("all files of a post together 64 MB")).to_be_visible(timeout=3 * SOON)
    await context.close()
