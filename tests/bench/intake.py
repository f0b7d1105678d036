"""A signed text message to its durable commit, beside an aiohttp handler that only parses the same form.

Both run as processes of their own and get the same requests from the same raw client over 64 connections, in turns;
the ratio is that of their rates, the median of the rounds.
"""

import asyncio
import random
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.process.gateway import ROOT, free_port, running
from tests.process.twilio import CREDENTIALS, Load, message_sid, send_all, text_message

CLIENTS = 64
ROUNDS = 5
EACH = 4000
# Most who write are new; some add to what they wrote, and every tenth message asks how it stands.
CITIZENS = 16_000
ASKING = 10
LISTED = 50_000
STREETS = ("人民路", "解放路", "中山路", "建设街", "和平巷", "north street", "mill lane", "station road")
FAULTS = (
    "路灯坏了，晚上很黑，请尽快处理",
    "下水道堵塞，污水外溢，气味难闻",
    "停水一整天了，什么时候恢复供水？",
    "有人乱倒垃圾，已经好几天没有清理",
    ": water pipe leaking, the pavement is under water",
    ": the drain is blocked and it smells",
    ": loud noise from the building site all night",
)
PARSE_ONLY = """
import sys
from aiohttp import web

async def handler(request):
    await request.post()
    return web.Response(text='<Response/>', content_type='text/xml')

app = web.Application()
app.router.add_post('/hooks/sms_twilio/inbound', handler)
web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None, access_log=None)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and what was aimed at."""

    name: str
    value: float
    unit: str
    goal: float
    more_is_better: bool = True


async def measure() -> list[Figure]:
    """The ratio, and the gateway's own latency beside it."""
    with tempfile.TemporaryDirectory() as folder:
        lists = with_words(Path(folder), LISTED)
        port = free_port()
        parsing = await asyncio.create_subprocess_exec(sys.executable, "-c", PARSE_ONLY, str(port))
        try:
            # Replies go to a port where nobody listens (see CREDENTIALS): sending is another figure.
            async with running(Path(folder), **CREDENTIALS, EVERYLINE_CONFIG=str(lists)) as gateway:
                return _figures(*await _rounds(gateway.url, gateway.port, port))
        finally:
            parsing.kill()
            await parsing.wait()


def with_words(folder: Path, number: int) -> Path:
    """The settings as they are shipped, with so many more words to hold a text for."""
    settings = folder / "config"
    shutil.copytree(ROOT / "config", settings)
    letters = random.Random(7)
    words = {
        "".join(chr(letters.randrange(0x4E00, 0x9FA5)) for _ in range(letters.randrange(2, 7))) for _ in range(number)
    }
    with (settings / "words" / "hold.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"{word}\n" for word in sorted(words))
    return settings


def body(number: int) -> str:
    """What the message of a number says; no two reports alike."""
    if number % ASKING == ASKING - 1:
        return "STATUS"
    return f"{STREETS[number % len(STREETS)]} {number} {FAULTS[number % len(FAULTS)]}"


async def _rounds(url: str, ours: int, parsing: int) -> tuple[list[float], list[Load]]:
    ratios, loads = [], []
    for turn in range(ROUNDS + 1):
        requests = [
            text_message(url, message_sid(n), f"+86138{n % CITIZENS:08}", body(n))
            for n in range(turn * EACH, (turn + 1) * EACH)
        ]
        base = await send_all(parsing, requests, CLIENTS)
        load = await send_all(ours, requests, CLIENTS)
        if len(load.answered) != EACH or len(base.answered) != EACH:
            raise AssertionError(f"not all were accepted: {len(load.answered)} and {len(base.answered)} of {EACH}")
        if turn:  # the first round warms both up
            ratios.append(load.rate / base.rate)
            loads.append(load)
    return ratios, loads


def _figures(ratios: list[float], loads: list[Load]) -> list[Figure]:
    p99 = statistics.median(load.percentile(0.99) for load in loads) * 1000
    return [
        Figure("sms_to_commit", statistics.median(ratios), "of a form-parsing handler's rate", 0.15),
        Figure("sms_to_commit_p99", p99, "ms", 250, more_is_better=False),
    ]
