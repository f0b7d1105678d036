"""The style guide, and what it stands for: every component is shown, every icon that is used is there."""

import re
from pathlib import Path

import pytest

from gateway.settings import Settings
from gateway.web import assets, drawing, livery, qr
from store.accounts import Role
from tests.web.conftest import World

MACRO = re.compile(r"{% macro (\w+)\(")
# Said by others alone.
INNER = {"attributes", "nav_place"}


async def test_every_component_is_shown(world: World) -> None:
    await world.account(Role.VIEWER, "anna")
    await world.log_in("anna")
    response = await world.client.get("/console/styleguide")
    text = await response.text()
    assert (response.status, text.count("<h1")) == (200, 3)
    sources = (drawing.TEMPLATES / "console/styleguide.html").read_text("utf-8")
    components = (drawing.TEMPLATES / "components.html").read_text("utf-8")
    assert {name for name in MACRO.findall(components) if f"ui.{name}(" not in sources} == INNER


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = (assets.FOLDER / "icons.svg").read_text("utf-8")
    there = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    used: set[str] = set()
    for path in drawing.TEMPLATES.rglob("*.html"):
        used |= set(re.findall(r"\bicon\('([\w-]+)'", path.read_text("utf-8")))
    assert len(used) > 5
    assert used - there == set()


@pytest.mark.parametrize("accent", ["#0b6170", "#ffd400", "#c8102e", "#000000", "#ffffff", "#7f7f7f"])
def test_every_shade_of_the_city_s_colour_reads(accent: str) -> None:
    tints = dict(re.findall(r"--city-([\w-]+): (#[0-9a-f]{6});", livery.stylesheet(accent)))
    for ending, grounds in (("", livery.LIGHT), ("-dark", livery.DARK)):
        assert livery.contrast(tints[f"on-fill{ending}"], tints[f"fill{ending}"]) >= livery.READABLE
        for ground in (*grounds, tints[f"soft{ending}"]):
            assert livery.contrast(tints[f"text{ending}"], ground) >= livery.READABLE


def test_the_grounds_are_those_of_the_sheets() -> None:
    for sheet, grounds in (("tokens.css", livery.LIGHT), ("dark.css", livery.DARK)):
        text = (assets.FOLDER / sheet).read_text("utf-8").replace("#fff;", "#ffffff;")
        assert set(re.findall(r"--(?:paper|sunk|sheet): (#[0-9a-f]{6});", text.split("@media")[0])) == set(grounds)


async def test_the_city_s_colours_are_kept_for_ever_under_their_own_address(world: World) -> None:
    page = await (await world.client.get("/rules")).text()
    address = re.search(r'href="(/city\.css\?v=\w+)"', page)
    assert address
    kept = await world.client.get(address[1])
    assert (kept.status, kept.headers["Cache-Control"]) == (200, assets.FOR_EVER)
    assert (await world.client.get("/city.css?v=0")).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("asked", "kept", "scheme", "sheet"),
    [
        ("", None, "light dark", "screen and (prefers-color-scheme: dark)"),
        ("?theme=dark", "dark", "dark", "screen"),
        ("?theme=light", "light", "light", None),
        ("?theme=purple", None, "light dark", "screen and (prefers-color-scheme: dark)"),
    ],
)
async def test_a_theme_is_kept_once_chosen(
    world: World, asked: str, kept: str | None, scheme: str, sheet: str | None
) -> None:
    response = await world.client.get(f"/rules{asked}")
    page = await response.text()
    assert f'name="color-scheme" content="{scheme}"' in page
    assert re.findall(r'dark\.css\?v=\w+" media="([^"]+)"', page) == ([sheet] if sheet else [])
    again = await (await world.client.get("/rules")).text()
    assert f'name="color-scheme" content="{scheme}"' in again
    if kept:
        page = await (await world.client.get("/rules?theme=auto")).text()
        assert 'content="light dark"' in page
        assert 'content="light dark"' in await (await world.client.get("/rules")).text()


def test_the_city_s_logo_stands_on_every_page(settings: Settings, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"a picture")
    city = settings.city.model_copy(update={"logo": logo})
    found = livery.livery(city).logo
    assert found
    assert [route.path for route in livery.routes(city)] == ["/city.css", "/city-icon.svg", found.split("?")[0]]
    assert livery.livery(settings.city).logo is None


def test_a_code_says_what_it_is_for() -> None:
    drawn = qr.drawn("tel:+8613800138000", 'call "us" & <them>')
    assert 'aria-label="call &#34;us&#34; &amp; &lt;them&gt;"' in drawn
    assert drawn.count("<path") == 1
    assert "style" not in drawn
