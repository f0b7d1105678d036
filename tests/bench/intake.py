"""A signed text message to its durable commit, beside an aiohttp handler that only parses the same form.

Both run as processes of their own and get the same requests from the same raw client over 64 connections, in turns;
the ratio is that of their rates, the median of the rounds.
"""

import asyncio
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.process.gateway import free_port, running
from tests.process.twilio import CREDENTIALS, Load, message_sid, send_all, text_message

CLIENTS = 64
ROUNDS = 5
EACH = 4000
CITIZENS = 5000
BODIES = (
    "water pipe leaking on north street number 27",
    "人民路3号路灯坏了，晚上很黑，请尽快处理",
    "小区停水 请帮忙处理",
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
        port = free_port()
        parsing = await asyncio.create_subprocess_exec(sys.executable, "-c", PARSE_ONLY, str(port))
        try:
            # Replies go to a port where nobody listens: sending is another figure.
            dead = {"EVERYLINE_TWILIO_API_URL": f"http://127.0.0.1:{free_port()}"}
            async with running(Path(folder), **CREDENTIALS, **dead) as gateway:
                return _figures(*await _rounds(gateway.url, gateway.port, port))
        finally:
            parsing.kill()
            await parsing.wait()


async def _rounds(url: str, ours: int, parsing: int) -> tuple[list[float], list[Load]]:
    ratios, loads = [], []
    for turn in range(ROUNDS + 1):
        requests = [
            text_message(url, message_sid(n), f"+86138{n % CITIZENS:08}", BODIES[n % len(BODIES)])
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
