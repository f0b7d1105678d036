import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web

from channels.base import Capabilities, Channel, Guard, Route
from channels.desk import Desk
from gateway.web import assets
from tests.web.conftest import MakeWorld, World


class Board(Channel):
    """A public medium whose page the site draws."""

    name = "board"
    capabilities = Capabilities(receives=True)

    def routes(self, desk: Desk) -> Sequence[Route]:
        async def page(request: web.Request) -> web.StreamResponse:
            return await desk.page(request, "error.html", _words(desk.visitor(request)), 418)

        return [Route("GET", "/board", Guard.PUBLIC, page)]


def _words(title: str) -> dict[str, object]:
    return {"title": title, "advice": "", "reference": None, "status": 418, "kept": None}


async def test_a_channel_draws_its_pages_by_the_site_and_knows_its_visitor(make_world: MakeWorld) -> None:
    world = await make_world(Board)
    pages = [await world.client.get("/board") for _ in range(2)]
    assert [page.status for page in pages] == [418, 418]
    visitors = [re.findall(r"web:[0-9a-f]{32}", await page.text()) for page in pages]
    assert visitors[0]
    assert visitors[0] == visitors[1], "a browser keeps its name"


@pytest.mark.parametrize(
    "path",
    ["/login", "/rules", "/privacy", "/departments", "/follow", "/api/v1/posts", "/api/openapi.json", "/healthz"],
)
async def test_what_needs_no_channel_answers(world: World, path: str) -> None:
    assert (await world.client.get(path)).status == 200


async def test_two_applications_live_side_by_side(make_world: MakeWorld) -> None:
    first, second = await make_world(), await make_world()
    assert (await first.client.get("/login")).status == (await second.client.get("/login")).status == 200


def static_files() -> list[str]:
    return [path.relative_to(assets.FOLDER).as_posix() for path in sorted(assets.FOLDER.rglob("*")) if path.is_file()]


async def test_every_static_file_is_kept_for_ever_under_the_address_of_its_content(world: World) -> None:
    for name in static_files():
        if Path(name).suffix not in assets.TYPES:
            continue
        response = await world.client.get(assets.url(name))
        assert (response.status, response.headers["Cache-Control"]) == (200, assets.FOR_EVER), name
        assert response.headers["Content-Type"] == assets.TYPES[Path(name).suffix]
        assert await response.read() == (assets.FOLDER / name).read_bytes()


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None)])
async def test_a_bundle_is_its_sheets_packed_for_who_can_unpack(
    world: World, accepted: str, encoding: str | None
) -> None:
    for name, parts in assets.BUNDLES.items():
        response = await world.client.get(assets.url(name), headers={"Accept-Encoding": accepted})
        assert (response.headers.get("Content-Encoding"), response.headers["Vary"]) == (encoding, "Accept-Encoding")
        assert await response.read() == b"\n".join((assets.FOLDER / part).read_bytes() for part in parts)


@pytest.mark.parametrize("query", ["", "?v=000000000000", "?v="])
async def test_a_file_asked_for_by_another_versions_page_is_not_kept(world: World, query: str) -> None:
    response = await world.client.get(f"/static/public.css{query}")
    assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["/static/", "/static/nothing.css", "/static/../app.py", "/static/%2e%2e/app.py", "/static//public.css"]
)
async def test_nothing_else_is_served(world: World, path: str) -> None:
    assert (await world.client.get(path)).status == 404


def test_a_file_that_is_not_there_has_no_address() -> None:
    with pytest.raises(KeyError):
        assets.url("nothing.css")
