"""Recordings of thirty seconds told of by the carrier, eight at once, again and again.

Measured is from sending the callback to the first answer of the queue that has the post, and how late the gateway's
event loop is meanwhile. The gateway is a process of its own, with the workers it takes by itself; the carrier and the
moderator share another.
"""

import asyncio
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import logs
from gateway.commands.serve import tune_interpreter
from gateway.service import Service
from gateway.settings import load
from tests.bench.intake import Figure
from tests.process.gateway import ROOT, free_port
from tests.process.test_start import run
from tests.process.twilio import ACCOUNT, CREDENTIALS, NUMBER, signature
from tests.speech.encoding import DEMO
from tests.speech.hostile import wav

AT_ONCE = 8
ROUNDS = 8
SECONDS = 30
RATE = 8_000
# How often the loop is looked at, and the queue, in seconds.
STEP = 0.002
LOOK = 0.05
SPOKEN = DEMO / "zh/utterances/003-cmn-latn-pinyin-michael-8k.wav"
PATH = "/hooks/voice_twilio/recording"
Token = Mapping[str, str]


async def measure() -> list[Figure]:
    """The slowest recording to stand in the queue, and the loop's lateness, in a thousand samples but one."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(DEMO / "zh/model", Path(folder) / "models/zh/demo")
        carrier = TestServer(_carrier(), host="127.0.0.1")
        await carrier.start_server()
        try:
            async with _gateway(Path(folder), str(carrier.make_url("")).rstrip("/")) as (url, token, process):
                took = await _call_in_rounds(url, token, str(carrier.make_url("")).rstrip("/"))
                process.stdin.write(b"end\n")
                lag, work = map(float, (await process.stdout.readline()).split())
        finally:
            await carrier.close()
    return [
        Figure("recording_in_queue", max(took), f"s, the slowest of {len(took)}", 0.5, more_is_better=False),
        Figure("loop_lag_p999", lag * 1000, f"ms, {AT_ONCE} recordings being written down", 20, more_is_better=False),
        Figure("loop_work_p999", work * 1000, "ms of it the loop's own work", 10, more_is_better=False),
    ]


def _carrier() -> web.Application:
    """Gives the same half minute for every recording, and knows nothing else."""
    sound = SPOKEN.read_bytes()[44:]
    size = SECONDS * RATE * 2
    recording = wav((sound * (size // len(sound) + 1))[:size], rate=RATE)

    async def give(_: web.Request) -> web.Response:
        return web.Response(body=recording, content_type="audio/x-wav")

    async def forget(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/{path:.*\\.wav}", give)
    app.router.add_delete("/{path:.*}", forget)
    return app


@asynccontextmanager
async def _gateway(data: Path, carrier: str) -> AsyncIterator[tuple[str, Token, Any]]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "EVERYLINE_DATA": str(data),
        "EVERYLINE_PORT": str(port),
        **CREDENTIALS,
        "EVERYLINE_TWILIO_API_URL": carrier,
    }
    pipe, log = asyncio.subprocess.PIPE, (data / "gateway.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.recordings", cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=log
    )
    assert process.stdout
    try:
        if (await process.stdout.readline()).strip() != b"ready":
            raise AssertionError((data / "gateway.log").read_text()[-3000:])
        adding = ("user", "add", "mo", "--role", "moderator", "--password-stdin")
        await run(*adding, typed="long enough pw\n", **environment)
        token = (await run("user", "token", "mo", **environment))[1].strip()
        yield f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {token}"}, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        log.close()


async def _call_in_rounds(url: str, token: Token, carrier: str) -> list[float]:
    took: list[float] = []
    async with aiohttp.ClientSession(raise_for_status=True) as http:
        await _round(http, url, token, carrier, 0)  # the first loads the model
        for nth in range(1, ROUNDS + 1):
            took += await _round(http, url, token, carrier, nth)
    return took


async def _round(http: aiohttp.ClientSession, url: str, token: Token, carrier: str, nth: int) -> list[float]:
    """Some recordings at once, until all are written down and published; how long each took to be in the queue."""
    numbers = range(nth * AT_ONCE, (nth + 1) * AT_ONCE)
    telling = [asyncio.create_task(_tell(http, url, carrier, number)) for number in numbers]
    seen: list[float] = []
    async with asyncio.timeout(120):
        while True:
            items = await _queue(http, url, token)
            seen += [time.perf_counter()] * (len(items) - len(seen))
            if len(seen) == AT_ONCE and all(item["media"][0]["transcript_state"] == "done" for item in items):
                break
            await asyncio.sleep(LOOK)
    for item in items:
        decision = {"action": "publish", "version": item["version"]}
        await http.post(f"{url}/api/v1/console/posts/{item['ticket']}/decision", json=decision, headers=token)
    return [there - told for there, told in zip(seen, sorted(await asyncio.gather(*telling)), strict=True)]


async def _tell(http: aiohttp.ClientSession, url: str, carrier: str, number: int) -> float:
    """The carrier's callback; gives when it was sent."""
    sid = f"RE{number:032x}"
    fields = {
        "AccountSid": ACCOUNT,
        "CallSid": f"CA{number:032x}",
        "From": f"+86138{number:08}",
        "RecordingDuration": str(SECONDS),
        "RecordingSid": sid,
        "RecordingStatus": "completed",
        "RecordingUrl": f"{carrier}/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}",
        "To": NUMBER,
    }
    sent = time.perf_counter()
    await http.post(url + PATH, data=fields, headers={"X-Twilio-Signature": signature(url + PATH, fields)})
    return sent


async def _queue(http: aiohttp.ClientSession, url: str, token: Token) -> list[dict[str, Any]]:
    async with http.get(f"{url}/api/v1/console/queue", headers=token) as response:
        items: list[dict[str, Any]] = (await response.json())["items"]
        return items


async def _serve() -> None:
    """A gateway that looks every 2 ms, until it is sent a line, how late its loop is and how long it worked meanwhile.

    It says what one look in a thousand exceeds. The first does, of any process, when others want its processor.
    """
    logs.configure()
    service = Service(load(os.environ), os.environ)
    await service.start()
    tune_interpreter()
    loop, late, worked, end = asyncio.get_running_loop(), [], [], asyncio.Event()
    loop.add_reader(sys.stdin, end.set)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not end.is_set():
        asked, before = loop.time(), time.thread_time()
        await asyncio.sleep(STEP)
        late.append(loop.time() - asked - STEP)
        worked.append(time.thread_time() - before)
    nearly_all = math.ceil(len(late) * 0.999) - 1
    sys.stdout.write(f"{sorted(late)[nearly_all]} {sorted(worked)[nearly_all]}\n")
    sys.stdout.flush()
    await service.stop()


if __name__ == "__main__":
    asyncio.run(_serve())
