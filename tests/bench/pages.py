"""Home and a post's page with 100,000 posts published, beside an aiohttp handler that answers nothing.

Both run as processes of their own and get their requests from the same raw client over 32 connections, in turns; a
ratio is that of their rates, the median of the rounds. Not kept are pages for who brings a cookie that the gateway does
not know: these are drawn each time. `post_once` asks for another post each time, of which nothing is remembered. What
the first visit loads is counted too: home and all that it names.
"""

import asyncio
import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from aiohttp import ClientSession

from store import migrating
from tests.bench import search
from tests.bench.intake import Figure
from tests.process.gateway import free_port, running
from tests.process.twilio import CREDENTIALS, Load, send_all

POSTS = 100_000
CLIENTS, ROUNDS = 32, 5
KEPT_EACH, DRAWN_EACH = 6000, 300
# As many posts as people look at while one is new.
SHOWN = 50
# What is sent in a turn.
Requests = Callable[[int], list[bytes]]
NOTHING = """
import sys
from aiohttp import web

async def handler(request):
    return web.Response()

app = web.Application()
app.router.add_get('/', handler)
web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None, access_log=None)
"""
# Whatever a page names that a browser loads with it.
LOADED = re.compile(r'<(?:link rel="(?:stylesheet|icon)" href|script src|img src)="([^"]+)"')


async def measure() -> list[Figure]:
    """The ratios, the slowest hundredth of each, and the size of the first visit."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/everyline.db"
        await migrating.upgrade(url)
        search.fill_file(url, POSTS)
        port = free_port()
        empty = await asyncio.create_subprocess_exec(sys.executable, "-c", NOTHING, str(port))
        try:
            async with running(Path(folder), **CREDENTIALS, EVERYLINE_DATABASE=url) as gateway:
                size = await _first_visit(gateway.url)
                return [*await _rounds(gateway.port, port), size]
        finally:
            empty.kill()
            await empty.wait()


async def _rounds(ours: int, empty: int) -> list[Figure]:
    shown = [f"/posts/{10_000_000 + n}" for n in range(POSTS - SHOWN, POSTS)]
    drawn = "Cookie: other=1\r\n"
    kinds: dict[str, tuple[Requests, float]] = {
        "home_drawn": (lambda turn: [_request("/", drawn)] * DRAWN_EACH, 0.12),
        "post_drawn": (lambda turn: [_request(path, drawn) for path in shown] * (DRAWN_EACH // SHOWN), 0.12),
        "post_once": (lambda turn: [_request(path, drawn) for path in _others(turn)], 0.12),
        "home_kept": (lambda turn: [_request("/")] * KEPT_EACH, 0.25),
        "post_kept": (lambda turn: [_request(path) for path in shown] * (KEPT_EACH // SHOWN), 0.25),
    }
    bases: list[Load] = []
    loads: dict[str, list[Load]] = {name: [] for name in kinds}
    for turn in range(ROUNDS + 1):
        base = await _sent(empty, [_request("/")] * KEPT_EACH)
        measured = {name: await _sent(ours, requests(turn)) for name, (requests, _) in kinds.items()}
        if turn:  # the first round warms both up
            bases.append(base)
            for name, load in measured.items():
                loads[name].append(load)
    figures = []
    for name, (_, goal) in kinds.items():
        ratios = [load.rate / base.rate for load, base in zip(loads[name], bases, strict=True)]
        p99 = statistics.median(load.percentile(0.99) for load in loads[name]) * 1000
        rate = statistics.median(load.rate for load in loads[name])
        sys.stdout.write(f"  {name}: {rate:.0f}/s, p99 {p99:.1f} ms with {CLIENTS} who ask at once\n")
        figures.append(Figure(name, statistics.median(ratios), "of an empty handler's rate", goal))
    return figures


def _others(turn: int) -> list[str]:
    """Posts that no other turn asks for."""
    return [f"/posts/{10_000_000 + turn * DRAWN_EACH + n}" for n in range(DRAWN_EACH)]


async def _sent(port: int, requests: list[bytes]) -> Load:
    load = await send_all(port, requests, CLIENTS)
    if len(load.answered) != len(requests):
        raise AssertionError(f"{len(load.refused)} of {len(requests)} requests were refused")
    return load


def _request(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n{more}\r\n".encode()


async def _first_visit(url: str) -> Figure:
    """What goes over the line for home and all it names, packed as it is sent."""
    async with ClientSession(auto_decompress=False) as http:
        async with http.get(f"{url}/", headers={"Accept-Encoding": "identity"}) as response:
            named = set(LOADED.findall(await response.text()))
        sizes = []
        for path in ("/", *sorted(named)):
            async with http.get(f"{url}{path}", headers={"Accept-Encoding": "gzip"}) as response:
                sizes.append(len(await response.read()))
    return Figure("first_visit", sum(sizes) / 1000, f"kB in {len(sizes)} answers", 100, more_is_better=False)
