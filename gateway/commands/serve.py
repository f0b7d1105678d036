"""`run.py serve`: run the gateway until it is told to stop."""

import argparse
import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Mapping

from channels.registry import Mode
from gateway import logs
from gateway.service import Service
from gateway.settings import load

# Young objects before a collection; of the default 700, one message alone makes hundreds.
COLLECTOR = (20_000, 20, 20)

# Seconds a thread may hold the interpreter. With the default of 5 ms each write to a socket may wait that long behind
# the store's thread.
SWITCH = 0.0005


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM; 1 when a part that must run has died."""
    logs.configure(level=args.log_level)
    service = Service(load(environ), environ)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await service.start()
    tune_interpreter()
    try:
        sys.stdout.write(await introduction(service))
        sys.stdout.flush()
        ends = [asyncio.create_task(event.wait()) for event in (stopping, service.failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await end
    finally:
        await service.stop()
    return 1 if service.failed.is_set() else 0


def tune_interpreter() -> None:
    """What stands now stands till the end: the collector need not walk it again and again, nor run so often under load;
    and threads take turns quickly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    sys.setswitchinterval(SWITCH)


async def introduction(service: Service) -> str:
    """What stands on the screen at start: the channels and why, and where everything is."""
    settings = service.settings
    marks = {Mode.ON: "on", Mode.SIMULATED: "SIMULATED", Mode.OFF: "off"}
    lines = ["", f"Everyline for {settings.city.name['en']} {settings.city.name['zh']}", ""]
    lines += [f"  {plan.name:<16} {marks[plan.mode]:<10} {plan.reason}" for plan in service.runtime.plans]
    lines += ["", f"  portal           {settings.public_url}/", f"  console          {settings.public_url}/console"]
    if service.simulator:
        lines.append(f"  handsets         {service.simulator.url}/   (a simulator: nothing leaves this machine)")
        lines.append("  speech           demo models for simulated calls only: synthetic voices, about 60 words")
    if link := await service.setup_link():
        lines += ["", f"  No administrator yet. Make one here, once:  {link}"]
    return "\n".join([*lines, "", "  Ctrl-C stops.", "", ""])
