"""Every page of the list, in both languages and themes: what axe finds, no sideways scroll, nothing complained about.

One gateway serves them all, and a page is loaded once for a language and a theme; its width is changed in place.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request

from tests.browser.conftest import Watched
from tests.browser.demo_city import City, living
from tests.browser.page_list import PAGES, Listed
from tests.process.gateway import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.timeout(300)]

AXE = ROOT / "tests/browser/axe/axe.min.js"
GRAVE = ("serious", "critical")
WIDTHS = (360, 768, 1280, 1920)
HOME_BYTES = 100_000
LOCALES: Mapping[str, str] = {"zh": "zh-CN", "en": "en-US"}
# In the dark a page differs by its colours alone.
RULES: Mapping[str, object] = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
# Styles are applied by then; what still moves would be judged half-way.
STILL = "() => document.getAnimations().forEach((one) => one.finish?.())"
EXAMINE = """async (only) => (await axe.run(document, only)).violations.map((one) => ({
  id: one.id, impact: one.impact,
  nodes: one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`),
}))"""
# How far the page, not a part that scrolls by itself, is wider than its window.
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def test_every_page_reads_and_fits(browser: Browser, tmp_path: Path) -> None:
    async with living(tmp_path / "var") as city:
        faults = await _weigh(browser, city)
        for language, theme in itertools.product(LOCALES, ("light", "dark")):
            looks = [_look(browser, city, language, theme, who) for who in city.cookies]
            faults += itertools.chain.from_iterable(await asyncio.gather(*looks))
    assert not faults, "\n".join(faults)


async def test_a_fault_is_found(browser: Browser) -> None:
    page = await browser.new_page()
    await page.add_init_script(path=AXE)
    await page.goto("data:text/html,<img src=x><p style='width:3000px'>wide</p>")
    found = await page.evaluate(EXAMINE, RULES["light"])
    assert any(one["id"] == "image-alt" and one["impact"] in GRAVE for one in found)
    assert await page.evaluate(TOO_WIDE) > 0


async def _look(browser: Browser, city: City, language: str, theme: str, who: str) -> list[str]:
    """What is wrong with the pages that these browsers show."""
    window = await _window(browser, city, language, theme, who)
    page = await window.open("about:blank")
    faults = []
    for listed in PAGES:
        if listed.who == who:
            faults += [
                f"{listed.name} {language} {theme}: {fault}" for fault in await _examine(page, city, listed, theme)
            ]
    await window.context.close()
    return faults + _serious(window.complaints)


async def _weigh(browser: Browser, city: City) -> list[str]:
    """Whether the first load of home, as it travels, is heavier than it may be; photos of citizens come apart."""
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))
    await page.goto(city.gateway.url, wait_until="load")
    sizes = {one.url: (await one.sizes())["responseBodySize"] for one in asked if "/media/" not in one.url}
    await context.close()
    heavy = sum(sizes.values())
    return [f"home weighs {heavy} bytes: {sizes}"] if heavy > HOME_BYTES or not sizes else []


async def _window(chromium: Browser, city: City, language: str, theme: str, who: str) -> Watched:
    context = await chromium.new_context(
        locale=LOCALES[language],
        color_scheme=theme,  # type: ignore[arg-type]  # one of the two it knows
        viewport={"width": WIDTHS[-2], "height": 800},
        reduced_motion="reduce",
    )
    # Not from the page: its policy lets in no script but the site's own.
    await context.add_init_script(path=AXE)
    await context.add_cookies(city.cookies[who])  # type: ignore[arg-type]  # as Playwright reads them
    return Watched(context)


async def _examine(page: Page, city: City, listed: Listed, theme: str) -> list[str]:
    answer = await page.goto(city.gateway.url + listed.path.format(**city.places), wait_until="load")
    if answer is None or answer.status != listed.status:
        return [f"answered {answer and answer.status}"]
    await page.evaluate(STILL)
    found = [one for one in await page.evaluate(EXAMINE, RULES[theme]) if one["impact"] in GRAVE]
    faults = [f"{one['id']} ({one['impact']}): {'; '.join(one['nodes'])}" for one in found]
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        if (wider := await page.evaluate(TOO_WIDE)) > 0:
            faults.append(f"{wider} pixels too wide at {width}")
    await page.set_viewport_size({"width": WIDTHS[-2], "height": 800})
    return faults


def _serious(complaints: Sequence[str]) -> list[str]:
    """What the browser complained of, but for pages that are meant to be not there."""
    meant = {str(listed.status) for listed in PAGES if listed.status >= 400}
    return [
        one for one in complaints if not any(f"{status} " in one or f"status of {status}" in one for status in meant)
    ]
