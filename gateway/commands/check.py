"""`run.py check`: read all settings, prove all credentials, look at store and speech, and say what is wrong."""

import argparse
import asyncio
import sys
from collections.abc import Mapping

from aiohttp import ClientSession, ClientTimeout

from channels import registry
from channels.base import Channel, Health, Standing, Surroundings
from gateway.assembly import city_of, environment_of, placed
from gateway.errors import EverylineError, SettingsError
from gateway.settings import Settings, read
from speech.models import Models
from store import migrating
from store.vault import Vault, open_key_file

CHECK_LIMIT = 20.0


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command: none."""


async def main(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print one line a finding; 1 when something must be done before the gateway can serve."""
    settings, problems = read(environ)
    if settings is None:
        raise SettingsError(problems)
    environment = environment_of(environ)
    plans, wrong = registry.read(settings.channels, environment)
    if problems or wrong:
        raise SettingsError([*problems, *placed(settings, wrong)])
    lines = ["settings         ok"]
    good = True
    for name, state in (("key", _key(settings)), ("store", await _store(settings))):
        good &= state.startswith("ok")
        lines.append(f"{name:<16} {state}")
    lines += _speech(settings)
    async with ClientSession(timeout=ClientTimeout(total=CHECK_LIMIT)) as http:
        channels = registry.build(plans, Surroundings(city_of(settings), http))
        healths = dict(zip(channels, await asyncio.gather(*map(_check, channels.values())), strict=True))
    for plan in plans:
        health = healths.get(plan.name)
        good &= health is None or health.standing in (Standing.READY, Standing.LATER)
        first, *more = f"{health.standing}: {health.sentence}".splitlines() if health else [f"off: {plan.reason}"]
        lines += [f"{plan.name:<16} {first}", *(f"{'':<16} - {sentence}" for sentence in more)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if good else 1


async def _check(channel: Channel) -> Health:
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            return await channel.check()
    except TimeoutError:
        return Health(Standing.LATER, "no answer in time")


def _key(settings: Settings) -> str:
    if not settings.key_file.exists():
        return f"ok: will be made at the first start in {settings.key_file}"
    try:
        Vault(open_key_file(settings.key_file))
    except (EverylineError, OSError) as error:
        return f"unusable: {error}"
    return f"ok: {settings.key_file}"


async def _store(settings: Settings) -> str:
    try:
        now, newest = await migrating.current(settings.database_url), migrating.head()
    except EverylineError as error:
        return f"cannot be opened: {error}"
    return (
        f"ok: schema {now or 'to be made'}" if now in (None, newest) else f"schema {now}, needs {newest}: run migrate"
    )


def _speech(settings: Settings) -> list[str]:
    models = Models(settings.storage.data / "models")
    found = [f"{language}: {model.name}" for language, model in models.languages().items()]
    lines = [f"{'speech':<16} {', '.join(found) or 'no model installed: recordings wait until there is one'}"]
    return lines + [f"{'speech':<16} {fault.language}: {fault.reason}" for fault in models.faults()]
