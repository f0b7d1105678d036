"""The watch over the channels: one incident for each fault, told by another line, told when over, and never a storm."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from channels import failures
from channels.base import Capabilities, Channel, ChannelSettings, City, DeliveryKind, Health, Standing, Surroundings
from gateway import assembly, clock
from gateway.desk import Desk
from gateway.errors import Busy
from gateway.journey import switching, watching
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema_outgoing import Outgoing, SendResult
from store import audit, counts, incidents, standings, tallies
from store.database import Database
from store.incidents import Incident
from store.standings import Position
from store.tallies import Span, Tally, begin
from store.vault import Vault
from tests.conftest import Texting
from tests.journey.test_intake import message

PAGER = "pager:7"
START = datetime(2026, 3, 18, 2, 20, tzinfo=UTC)


class Pager(Channel):
    """The operators' own line, another than the citizens'."""

    name = "pager"
    capabilities = Capabilities(delivery=DeliveryKind.SEND, schemes=("pager",))

    def __init__(self, settings: ChannelSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self.sent: list[Outgoing] = []

    async def send(self, outgoing: Outgoing) -> SendResult:
        self.sent.append(outgoing)
        return SendResult(final=True)


@pytest.fixture
def pager(runtime: Runtime) -> Pager:
    """A gateway whose operators carry a pager."""
    city = City(name="Test", public_url="http://127.0.0.1:8080", language="zh", country="CN")
    made = Pager(ChannelSettings(), Surroundings(city, runtime.http))
    runtime.channels["pager"] = made
    health = runtime.settings.health.model_copy(update={"operators": (PAGER,)})
    runtime.settings = runtime.settings.model_copy(update={"health": health})
    return made


@pytest.fixture
def later() -> Callable[[float], None]:
    """Stand the clock at `START`, and move it on by minutes."""
    now = START

    def move(minutes: float) -> None:
        nonlocal now
        now += timedelta(minutes=minutes)

    clock.replace(now=lambda: now)
    return move


async def deliver(runtime: Runtime, line: Line) -> None:
    """Let a line do what is due now."""
    while await line.step():
        await line.finish()


async def look(runtime: Runtime, pager_line: Line) -> None:
    """One look of the watch, and the operators' line does its work."""
    await watching.look(runtime)
    await deliver(runtime, pager_line)


async def the_incidents(runtime: Runtime) -> list[Incident]:
    async with runtime.database.reading() as connection:
        return list(await incidents.lately(connection, 100))


async def test_a_channel_that_dies_is_one_incident_told_by_another_line_and_told_again_when_over(
    runtime: Runtime, texting: Texting, pager: Pager, later: Callable[[float], None]
) -> None:
    lines = Line(runtime, texting), Line(runtime, pager)
    for number in range(8):
        await Intake(runtime).take(message(f"lamp {number} is dark", f"+86138001380{number:02}"))
    texting.fail = [failures.RetryLater("503") for _ in range(1000)]
    for _ in range(40):
        await deliver(runtime, lines[0])
        await look(runtime, lines[1])
        later(0.25)
    [incident] = await the_incidents(runtime)
    assert (incident.channel, incident.cause, incident.told) == ("texting", "unreachable", ("pager",))
    assert incident.closed_at is None
    assert incident.seen > 10
    [alarm] = pager.sent
    assert alarm.address == PAGER
    assert "texting" in alarm.text
    assert f"{runtime.settings.public_url}/console/channels/texting" in alarm.text
    texting.fail = []
    for _ in range(120):
        await deliver(runtime, lines[0])
        await look(runtime, lines[1])
        later(0.25)
    [incident] = await the_incidents(runtime)
    assert incident.closed_at
    assert [outgoing.text.count("恢复正常") for outgoing in pager.sent] == [0, 1]
    assert len(texting.sent) == 8


async def test_a_fault_that_comes_and_goes_is_one_incident_and_long_ones_are_told_of_again(
    runtime: Runtime, pager: Pager, later: Callable[[float], None]
) -> None:
    line = Line(runtime, pager)
    for minute in range(30):
        await watching.check(runtime, all_of_them=True)
        runtime.channels["wall"].check = sick if minute % 2 else well  # type: ignore[method-assign]
        await look(runtime, line)
        later(1)
    assert len(await the_incidents(runtime)) == 1
    assert len(pager.sent) == 1
    runtime.channels["wall"].check = sick  # type: ignore[method-assign]
    for _ in range(13):
        later(60)
        await watching.check(runtime)
        await look(runtime, line)
    assert [outgoing.text.count("仍未恢复") for outgoing in pager.sent] == [0, 1, 1]


async def sick() -> Health:
    return Health(Standing.ASK, "the token was refused; set a new one")


async def well() -> Health:
    return Health(Standing.READY, "ready")


async def test_credentials_that_do_not_work_say_what_the_channel_said(runtime: Runtime, pager: Pager) -> None:
    runtime.channels["wall"].check = sick  # type: ignore[method-assign]
    await watching.check(runtime, all_of_them=True)
    await look(runtime, Line(runtime, pager))
    [incident] = await the_incidents(runtime)
    assert (incident.channel, incident.cause) == ("wall", "credentials")
    assert "the token was refused" in pager.sent[0].text


async def test_a_check_that_breaks_is_a_fault_and_harms_no_other(runtime: Runtime) -> None:
    async def broken() -> Health:
        raise RuntimeError("boom")

    runtime.channels["wall"].check = broken  # type: ignore[method-assign]
    await watching.check(runtime, all_of_them=True)
    async with runtime.database.reading() as connection:
        known = await standings.known(connection)
    assert (known["wall"].credentials or {})["sentence"] == "the check failed: RuntimeError"
    assert (known["texting"].credentials or {})["standing"] == "ready"


async def test_the_sick_channel_never_tells_of_itself(runtime: Runtime, pager: Pager) -> None:
    pager.check = sick  # type: ignore[method-assign]
    await watching.check(runtime, all_of_them=True)
    line = Line(runtime, pager)
    await look(runtime, line)
    await look(runtime, line)
    [incident] = await the_incidents(runtime)
    assert (incident.channel, incident.told) == ("pager", ())
    assert pager.sent == []


async def test_who_could_not_be_told_is_told_as_soon_as_a_line_is_there(
    runtime: Runtime, pager: Pager, texting: Texting
) -> None:
    texting.check = sick  # type: ignore[method-assign]
    del runtime.channels["pager"]
    await watching.check(runtime, all_of_them=True)
    line = Line(runtime, pager)
    await look(runtime, line)
    assert pager.sent == []
    runtime.channels["pager"] = pager
    await look(runtime, line)
    await look(runtime, line)
    assert len(pager.sent) == 1


async def test_signatures_that_do_not_fit_name_the_address_expected_and_seen(runtime: Runtime, pager: Pager) -> None:
    for _ in range(runtime.settings.health.unsigned):
        runtime.pulse.forged("texting", "https://line.example/hooks/x", "http://10.0.0.5/hooks/x")
    await look(runtime, Line(runtime, pager))
    [incident] = await the_incidents(runtime)
    assert incident.cause == "signatures"
    assert (incident.detail["expected"], incident.detail["seen"]) == (
        "https://line.example/hooks/x",
        "http://10.0.0.5/hooks/x",
    )
    assert "https://line.example/hooks/x" in pager.sent[0].text
    assert "http://10.0.0.5/hooks/x" in pager.sent[0].text


async def test_forgeries_among_many_good_requests_are_no_incident(runtime: Runtime) -> None:
    for _ in range(20):
        runtime.pulse.forged("texting", "https://line.example/hooks/x", "https://line.example/hooks/x")
    runtime.pulse.count("texting", "received", number=20)
    await watching.look(runtime)
    assert await the_incidents(runtime) == []


async def test_silence_at_an_hour_that_is_usually_busy(
    runtime: Runtime, pager: Pager, later: Callable[[float], None]
) -> None:
    runtime.pulse.since = START - timedelta(days=1)
    hours = [begin(Span.HOUR, START) - timedelta(weeks=week, hours=hour) for week in range(1, 6) for hour in (0, 1)]
    past = {(hour, "texting"): Tally(received=60) for hour in hours}
    await runtime.database.write(lambda tx: tallies.add(tx, past))
    line = Line(runtime, pager)
    runtime.pulse.count("texting", "received", number=30)
    await look(runtime, line)
    assert await the_incidents(runtime) == []
    later(31)
    runtime.pulse.count("texting", "received", number=2)
    await look(runtime, line)
    [incident] = await the_incidents(runtime)
    assert (incident.channel, incident.cause) == ("texting", "silent")
    assert incident.detail == {"number": 2, "usual": 30, "minutes": 30}
    assert len(pager.sent) == 1


async def test_a_process_that_just_started_does_not_take_its_own_absence_for_silence(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    hours = [begin(Span.HOUR, START) - timedelta(weeks=week, hours=hour) for week in range(1, 6) for hour in (0, 1)]
    past = {(hour, "texting"): Tally(received=60) for hour in hours}
    await runtime.database.write(lambda tx: tallies.add(tx, past))
    runtime.pulse.since = START
    later(29)
    await watching.look(runtime)
    assert await the_incidents(runtime) == []
    later(2)
    await watching.look(runtime)
    assert [one.cause for one in await the_incidents(runtime)] == ["silent"]


async def test_what_is_due_and_does_not_leave_is_an_incident_unless_it_was_paused(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    await Intake(runtime).take(message("lamp is dark"))
    later(runtime.settings.health.stuck_minutes + 1)
    await switching.switch(runtime, "texting", Position.PAUSED, actor="op")
    await watching.look(runtime)
    assert await the_incidents(runtime) == []
    await switching.switch(runtime, "texting", None, actor="op")
    await watching.look(runtime)
    assert [(one.channel, one.cause) for one in await the_incidents(runtime)] == [("texting", "stuck")]


@pytest.mark.parametrize(("refused", "taken", "sick"), [(20, 0, True), (10, 30, False), (19, 0, False)])
async def test_many_refusals_are_an_incident(runtime: Runtime, refused: int, taken: int, sick: bool) -> None:
    runtime.pulse.count("texting", "failed", number=refused)
    runtime.pulse.count("texting", "sent", number=taken)
    await watching.look(runtime)
    assert [one.cause for one in await the_incidents(runtime)] == (["refused"] if sick else [])


async def test_a_connection_that_keeps_breaking_heals_by_itself(
    runtime: Runtime, later: Callable[[float], None]
) -> None:
    runtime.pulse.count("form", "broken", number=3)
    await watching.look(runtime)
    assert [one.cause for one in await the_incidents(runtime)] == ["connection"]
    for _ in range(10):
        later(1)
        await watching.look(runtime)
    [incident] = await the_incidents(runtime)
    assert incident.closed_at == START + timedelta(minutes=8)


async def test_wrong_settings_stop_the_line_at_once_and_need_a_person(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    for number in range(30):
        await Intake(runtime).take(message(f"lamp {number} is dark", f"+86138001380{number:02}"))
    texting.fail = [failures.Misconfigured("bad token") for _ in range(1000)]
    line = Line(runtime, texting)
    await deliver(runtime, line)
    tried = 1000 - len(texting.fail)
    assert tried <= runtime.settings.delivery.workers, "those under way at most"
    await watching.look(runtime)
    assert [one.cause for one in await the_incidents(runtime)] == ["settings"]
    later(1.1)
    await deliver(runtime, line)
    assert 1000 - len(texting.fail) == tried + 1, "one probe only"


async def test_a_breaker_left_by_a_dead_process_is_forgotten(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    await Intake(runtime).take(message("lamp is dark"))
    texting.fail = [failures.Misconfigured("bad token")]
    await deliver(runtime, Line(runtime, texting))
    await watching.look(runtime)
    assert [one.closed_at for one in await the_incidents(runtime)] == [None]
    runtime.breakers.clear()
    later(5)
    await watching.look(runtime)
    assert [bool(one.closed_at) for one in await the_incidents(runtime)] == [True]


async def test_figures_are_noted(runtime: Runtime, texting: Texting, later: Callable[[float], None]) -> None:
    line = Line(runtime, texting)
    for number in range(20):
        await Intake(runtime).take(message(f"lamp {number} is dark", f"+86138001380{number:02}"))
    later(0.5)
    await deliver(runtime, line)
    await watching.look(runtime)
    async with runtime.database.reading() as connection:
        figures = (await standings.known(connection))["texting"].figures
        activity = (await counts.activity(connection, ["texting"]))["texting"]
        minutes = (await tallies.since(connection, Span.MINUTE, START))["texting"]
    assert figures
    assert figures["sent"] == {"p50": 30.0, "p95": 30.0, "number": 20}
    assert figures["delivered"] is None
    assert sum(minutes.values(), Tally()).sent == 20
    assert (activity.depth, activity.oldest_due, activity.errors_last_hour) == (0, None, 0)


@pytest.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second process on the same database."""
    database = Database(runtime.settings.database_url)
    await database.open()
    made = assembly.assemble(
        runtime.settings, [], database, Vault(bytes(32)), runtime.http, runtime.workers, runtime.openers
    )
    made.channels.update(runtime.channels)
    yield made
    await database.close()


async def test_what_one_process_is_told_all_obey_within_seconds(
    runtime: Runtime, other: Runtime, texting: Texting
) -> None:
    running = asyncio.create_task(watching.run(other))
    await Intake(runtime).take(message("lamp is dark"))
    line, desk = Line(other, texting), Desk(other)
    try:
        await switching.switch(runtime, "texting", Position.PAUSED, actor="op")
        await until(lambda: other.switches.paused("texting"))
        assert not await line.step()
        await desk.take(message("another lamp is dark"))
        assert texting.sent == []
        await switching.switch(runtime, "texting", Position.ISOLATED, actor="op")
        await until(lambda: other.switches.isolated("texting"))
        with pytest.raises(Busy) as refused:
            await desk.take(message("a third lamp is dark"))
        assert (refused.value.status, refused.value.retry_after) == (503, 60)
        await deliver(other, line)
        assert len(texting.sent) == 2, "an isolated channel sends"
        await switching.switch(runtime, "texting", None, actor="op")
        await until(lambda: not other.switches.isolated("texting"))
        await desk.take(message("a third lamp is dark"))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    async with runtime.database.reading() as connection:
        noted = [(trace.actor, trace.action, trace.target) for trace in await audit.traces(connection)]
    assert noted == [
        ("op", "channel resumed", "texting"),
        ("op", "channel isolated", "texting"),
        ("op", "channel paused", "texting"),
    ]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_cannot_be_written_is_counted_later(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise OSError("disk full")

    runtime.pulse.count("wall", "sent")
    with monkeypatch.context() as patched:
        patched.setattr(tallies, "add", fail)
        with pytest.raises(OSError, match="disk full"):
            await watching.write(runtime)
    runtime.pulse.count("wall", "sent")
    await watching.write(runtime)
    async with runtime.database.reading() as connection:
        found = await tallies.since(connection, Span.HOUR, begin(Span.HOUR, clock.now()) - timedelta(hours=1))
    assert sum(found["wall"].values(), Tally()).sent == 2
