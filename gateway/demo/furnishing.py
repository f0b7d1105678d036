"""What the staff of the sample city keep in its console: organisation, services, templates, a rota, months judged."""

import tomllib
from datetime import timedelta
from pathlib import Path

from gateway import clock
from gateway.casework import answer_templates, assessing, organising, rota, services
from gateway.casework.months import Month
from gateway.casework.services import Step, Typed
from gateway.demo.stage import Stage
from gateway.journey import in_force
from store import alarms, citizens
from store import services as service_rows
from store.database import Transaction
from store.organisation import Kind
from store.services import NEWS_KINDS

SERVICES = Path(__file__).with_name("services.toml")
SHIFTS = (("00:00", "08:00"), ("08:00", "16:00"), ("16:00", "00:00"))
ROTA_DAYS = 8
# As many people read the entries of a day, on these lines.
READ_A_DAY = 14
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


async def write_services(stage: Stage) -> None:
    """Write the departments' services and publish those that are ready; news are true until some hours from now."""
    runtime, chief = stage.runtime, stage.administrator
    for entry in tomllib.loads(SERVICES.read_text(encoding="utf-8"))["entry"]:
        said = {
            language: (entry[language]["title"], entry[language]["text"], "\n".join(entry[language]["words"]))
            for language in ("zh", "en")
            if language in entry
        }
        ends = stage.until + timedelta(hours=entry["hours"]) if "hours" in entry else None
        typed = Typed(entry["department"], entry["kind"], said, valid_until=ends)
        service_id = await services.add(runtime, chief, services.clean(runtime, typed))
        if entry["step"] == "publish":
            await services.take(runtime, chief, service_id, Step.PUBLISH)


async def tell_news(stage: Stage) -> None:
    """Tell everybody what is true for some days only, as notices."""
    for known in await _public(stage):
        if known.entry.kind in NEWS_KINDS:
            await services.tell(stage.runtime, stage.administrator, known.id)


async def read_services(stage: Stage) -> None:
    """A day's readers of the entries; who reads most of them differs from day to day."""
    for known in await _public(stage):
        for _ in range(stage.chance.randint(0, READ_A_DAY // 2)):
            stage.desk.service_uses.count(known.id, stage.chance.choice(READ_ON))
    await stage.desk.service_uses.write()


async def _public(stage: Stage) -> list[service_rows.Service]:
    async with stage.runtime.database.reading() as connection:
        return await service_rows.public(connection, clock.now(), 100)


async def keep_watch(stage: Stage) -> None:
    """Put people on duty around the clock from yesterday on, who can be told on their phones, and leave notes."""
    staff, actor = stage.known["staff"], stage.administrator.name
    people = [stage.staff[name] for name in (*staff["moderators"], staff["administrator"])]
    for day in range(ROTA_DAYS):
        date = stage.today + timedelta(days=day - 1)
        for number, (begins, ends) in enumerate(SHIFTS):
            who = people[(day + number) % len(people)]
            await rota.add(stage.runtime, who.id, str(date), begins, ends, actor=actor)
    # Whoever is on duty now has the first of the phones: it lies on the handsets' page.
    hour = stage.until.astimezone(stage.runtime.settings.city.zone).hour
    begin = 1 + hour // (24 // len(SHIFTS))
    turns = [people[(begin + turn) % len(people)] for turn in range(len(people))]
    for account, number in zip(turns, staff["phones"], strict=True):
        await stage.runtime.database.write(lambda tx, a=account.id, n=number: _reach(stage, tx, a, n))  # type: ignore[misc]
    for number, text in enumerate(stage.known["duty"]["notes"]):
        await rota.hand_over(stage.runtime, text, actor=people[number % len(people)].name)


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
