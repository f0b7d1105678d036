"""Pictures of every page, for looking at: `make screens` (or `python -m tests.browser.screens FOLDER [NAME...]`).

Each page in Chinese and English, light and dark, as wide as a phone and as a desk, from the real gateway with the day
of a city in it. Give names of the page list to have those alone.
"""

import asyncio
import itertools
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Error, async_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.demo_city import City, living
from tests.browser.page_list import PAGES

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("zh", "en")
# Pictures below the fold are fetched when somebody scrolls there, and nobody does.
EVERY_PICTURE = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().catch(() => null);
}))"""
WIDTHS = {390: 844, 1280: 800}


async def main(folder: Path, names: set[str]) -> None:
    """Take the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if CHROMIUM is None:
        sys.exit("Chromium is not installed")
    with tempfile.TemporaryDirectory() as data:
        async with living(Path(data) / "var") as city, async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for language, theme, width in itertools.product(LANGUAGES, THEMES, WIDTHS):
                await _take(chromium, city, folder, language, theme, width, names)
            await chromium.close()


async def _take(
    chromium: Browser,
    city: City,
    folder: Path,
    language: str,
    theme: Literal["light", "dark"],
    width: int,
    names: set[str],
) -> None:
    size = {"width": width, "height": WIDTHS[width]}
    locale = {"zh": "zh-CN", "en": "en-US"}[language]
    for who, cookies in city.cookies.items():
        context = await chromium.new_context(locale=locale, color_scheme=theme, viewport=size)  # type: ignore[arg-type]
        await context.add_cookies(cookies)  # type: ignore[arg-type]
        page = await context.new_page()
        for listed in PAGES:
            if listed.who == who and (not names or listed.name in names):
                answer = await page.goto(city.gateway.url + listed.path.format(**city.places), wait_until="load")
                if answer is None or answer.status != listed.status:
                    sys.exit(f"{listed.path} answered {answer and answer.status}")
                await page.evaluate(EVERY_PICTURE)
                picture = folder / f"{listed.name}-{language}-{theme}-{width}.png"
                try:
                    await page.screenshot(path=picture, full_page=True)
                except Error:  # now and then Chromium cannot when the machine is busy
                    await page.screenshot(path=picture, full_page=True)
        await context.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), set(sys.argv[2:])))
