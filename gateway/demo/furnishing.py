"""What the staff of the sample city keep in its console: organisation, services, templates, a rota, months judged."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.casework import answer_templates, assessing, organising, rota, services
from gateway.casework.months import Month
from gateway.casework.services import Step, Typed
from gateway.demo.stage import Stage
from gateway.journey import in_force
from gateway.schema import LANGUAGES
from store import alarms, citizens
from store import services as service_rows
from store.accounts import Account
from store.database import Transaction
from store.organisation import Kind

SERVICES = Path(__file__).with_name("services.toml")
SHIFTS = (("00:00", "08:00"), ("08:00", "16:00"), ("16:00", "00:00"))
HOURS_A_SHIFT = 8
# From the Monday before the telling ends.
ROTA_DAYS = 14
# How many entries are written on each of the first days, and on which lines they are read.
ENTRIES_A_DAY = 2
READ_ON = ("web_form", "web_form", "sms_twilio", "voice_twilio", "web_chat")


async def organise(stage: Stage) -> None:
    """Say how the departments are reached, and add an office below one, and categories."""
    runtime, actor = stage.runtime, stage.known["staff"]["administrator"]
    await in_force.begin(runtime)
    shipped = {one.slug: one for one in runtime.settings.departments}
    for slug, said in stage.known["departments"].items():
        contact = {"phone": said["phone"], "email": f"{slug}@city.example", "address": said["address"]}
        values = {"slug": slug, "contact": contact, "hours": said["duty"], **said.get("added", {})}
        if slug in shipped:
            made = organising.unit(Kind.DEPARTMENT, shipped[slug].model_dump() | values)
            await organising.change(runtime, Kind.DEPARTMENT, made, 1, actor)
        else:
            await organising.add(runtime, Kind.DEPARTMENT, organising.unit(Kind.DEPARTMENT, values), actor)
    for category in stage.known["categories"]:
        await organising.add(runtime, Kind.CATEGORY, organising.unit(Kind.CATEGORY, category), actor)


async def write_templates(stage: Stage) -> None:
    """Write the templates of answers."""
    for one in stage.known["templates"]:
        wording = answer_templates.clean(stage.runtime, one["department"], one["language"], one["name"], one["text"])
        await answer_templates.save(stage.runtime, stage.administrator, wording)


def write_services(stage: Stage, first: date) -> None:
    """Have the departments write their services from the first day on, now one, now another; news come later."""
    for number, entry in enumerate(one for one in _entries() if "hours" not in one):
        minutes = 9 * 60 + stage.chance.randrange(7 * 60)
        at = stage.at(first + timedelta(days=number // ENTRIES_A_DAY), minutes)
        stage.later(at, lambda entry=entry: _write(stage, entry))  # type: ignore[misc]


async def write_news(stage: Stage) -> None:
    """Write what is true for some days only, and tell everybody, as notices."""
    for entry in _entries():
        if "hours" in entry:
            service_id = await _write(stage, entry)
            await services.tell(stage.runtime, _head(stage, entry), service_id)


async def read_services(stage: Stage) -> None:
    """A day's readers of the entries: some are asked for often, some hardly ever."""
    often = {one[language]["title"]: one["read"] for one in _entries() for language in LANGUAGES if language in one}
    for known in await _public(stage):
        _, said = known.entry.in_language(LANGUAGES[0])
        for _ in range(stage.chance.randint(0, 2 * often[said.title])):
            stage.desk.service_uses.count(known.id, stage.chance.choice(READ_ON))
    await stage.desk.service_uses.write()


async def _write(stage: Stage, entry: Mapping[str, Any]) -> str:
    """Have the head of a department write an entry, and publish it if it is ready; news end at a full hour."""
    runtime, head = stage.runtime, _head(stage, entry)
    said = {
        language: (entry[language]["title"], entry[language]["text"], "\n".join(entry[language]["words"]))
        for language in LANGUAGES
        if language in entry
    }
    ends = (stage.until + timedelta(hours=entry["hours"])).replace(minute=0, second=0) if "hours" in entry else None
    typed = Typed(entry["department"], entry["kind"], said, valid_until=ends)
    service_id = await services.add(runtime, head, services.clean(runtime, typed))
    if entry["step"] == "publish":
        await services.take(runtime, head, service_id, Step.PUBLISH)
    return service_id


def _head(stage: Stage, entry: Mapping[str, Any]) -> Account:
    return stage.officers(entry["department"])[0]


@cache
def _entries() -> list[dict[str, Any]]:
    """What stands in `services.toml`."""
    entries: list[dict[str, Any]] = tomllib.loads(SERVICES.read_text(encoding="utf-8"))["entry"]
    return entries


async def _public(stage: Stage) -> list[service_rows.Service]:
    async with stage.runtime.database.reading() as connection:
        return await service_rows.public(connection, clock.now(), 100)


def keep_watch(stage: Stage) -> None:
    """Have moderators on duty around the clock, who can be told on their phones, and leave notes to the next ones."""
    hours = stage.until.astimezone(stage.runtime.settings.city.zone).hour
    begins = hours // HOURS_A_SHIFT * HOURS_A_SHIFT
    stage.later(stage.until - timedelta(days=2), lambda: _put_on_duty(stage, begins // HOURS_A_SHIFT))
    for note in stage.known["duty"]["notes"]:
        ended = stage.at(stage.today, (begins - HOURS_A_SHIFT * note["shifts"]) * 60 - note["before"])
        stage.later(ended, lambda ended=ended, text=note["text"]: _hand_over(stage, ended, text))  # type: ignore[misc]


async def _put_on_duty(stage: Stage, shift: int) -> None:
    """Fill the rota, and note the phones; the first of them lies on the handsets' page, and is his whose shift it is
    when the telling ends."""
    people, names = _watch(stage), stage.known["staff"]
    monday = stage.today - timedelta(days=stage.today.weekday())
    for number in range(ROTA_DAYS):
        day = monday + timedelta(days=number)
        for turn, (begins, ends) in enumerate(SHIFTS):
            who = _on_duty(people, day, turn)
            await rota.add(stage.runtime, who.id, str(day), begins, ends, actor=stage.administrator.name)
    now = people.index(_on_duty(people, stage.today, shift))
    for account, number in zip(people[now:] + people[:now], names["phones"], strict=True):
        await stage.runtime.database.write(lambda tx, a=account.id, n=number: _reach(stage, tx, a, n))  # type: ignore[misc]


async def _hand_over(stage: Stage, at: datetime, text: str) -> None:
    """Whoever is on duty at a moment leaves a note."""
    local = at.astimezone(stage.runtime.settings.city.zone)
    who = _on_duty(_watch(stage), local.date(), local.hour // HOURS_A_SHIFT)
    await rota.hand_over(stage.runtime, text, actor=who.name)


def _watch(stage: Stage) -> list[Account]:
    return [stage.staff[name] for name in stage.known["staff"]["moderators"]]


def _on_duty(people: Sequence[Account], day: date, shift: int) -> Account:
    """Whose turn a shift of a day is: one after the other, and each day another begins."""
    return people[(day.toordinal() + shift) % len(people)]


async def _reach(stage: Stage, transaction: Transaction, account_id: str, number: str) -> None:
    """Note the phone of somebody on duty as proved: there is nobody here whom a code could be sent to."""
    runtime, at, urn = stage.runtime, clock.now(), f"tel:{number}"
    line = await citizens.known(transaction.connection, runtime.vault, urn) or await citizens.enter(
        transaction, runtime.vault, urn, language=runtime.settings.city.language, at=at, owned=False
    )
    await alarms.ask(transaction, account_id, line.id, code_hash="", sent=0, sent_at=at, expires_at=at)
    await alarms.prove(transaction, account_id, at)


async def give_points(stage: Stage, month: Month) -> None:
    """A supervisor judges the departments for a month that is over and not settled yet."""
    await assessing.keep_up(stage.runtime)
    for one in stage.known["points"]:
        points = min(10, one["points"] + stage.chance.choice((-1, -0.5, 0, 0.5)))
        await assessing.give(stage.runtime, month, one["department"], points, one["reason"], stage.supervisor)
