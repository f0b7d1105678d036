"""Every question has its index: a whole journey is run, and each statement it made is explained."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from channels import webhook
from channels.base import City, Surroundings
from gateway import clock
from gateway.casework import (
    airing,
    analytics,
    assessing,
    assigning,
    bulletins,
    campaigns,
    cases,
    daybook,
    draws,
    duty_alarms,
    handling,
    league,
    months,
    organising,
    overdue,
    periods,
    phrase_of_the_day,
    reminding,
    rota,
    satisfaction,
)
from gateway.casework import answer_templates as template_work
from gateway.casework import inbox as inbox_work
from gateway.casework import notes as note_work
from gateway.casework import services as service_work
from gateway.desk import Desk
from gateway.errors import BadInput, NotFound
from gateway.jobs import upkeep
from gateway.journey import (
    alarm_lines,
    automatic,
    batches,
    broadcasting,
    claiming,
    delivery,
    digests,
    erasure,
    export,
    feeding,
    finding,
    health,
    identity,
    in_force,
    indexing,
    joining,
    mailbox,
    media,
    moderation,
    names,
    pace,
    parting,
    redelivery,
    relocating,
    ruling,
    showing,
    similar,
    staff_calls,
    subscribing,
    switching,
    transcription,
    trying,
    undoing,
    watching,
    whereabouts,
)
from gateway.journey.categorising import categorise
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Kind, Place, State
from gateway.schema_cases import CaseStep, Progress
from gateway.schema_incoming import IncomingMedia
from gateway.schema_outgoing import DeliveryState
from gateway.sections import Rule
from gateway.sections_duty import Duty, RotaRule
from gateway.sections_duty import DutyAlarm as DutyLimits
from store import (
    accounts,
    alarms,
    answer_templates,
    audit,
    calls,
    challenges,
    citizens,
    counts,
    cursors,
    dead_letters,
    deliveries,
    duty,
    history,
    inbox,
    inbox_filters,
    incidents,
    invitations,
    likeness,
    mine,
    notes,
    organisation,
    outbox,
    outcomes,
    posts,
    posts_for_staff,
    progress,
    record,
    recordings,
    reminders,
    routing_rules,
    second_factors,
    services,
    sessions,
    subscribers,
    tallies,
    together,
    transcribing,
    unanswered,
    waiting,
    words,
)
from store import bulletins as bulletin_rows
from store import campaigns as campaign_rows
from store import cases as case_rows
from store import digests as digest_rows
from store import mailbox as mailbox_rows
from store import media as media_rows
from store.every_table import metadata
from store.inbox import Filter
from store.judging import Which
from store.standings import Position
from store.tallies import Span
from tests.casework.campaign_world import PHRASES
from tests.casework.campaign_world import begin as begin_campaign
from tests.casework.radio_world import Humming
from tests.casework.service_world import HALL, METER, published, typed
from tests.casework.service_world import OFFICER as SERVICE_OFFICER
from tests.conftest import broadcasting_as, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, DAVID, message
from tests.journey.test_media import photo_taken
from tests.store.test_transcribing import SPOKEN

# Tables that never hold more than a handful of rows.
SMALL = {
    "leases",
    "accounts",
    # one row a month
    "assessments",
    "alarms",
    "categories",
    "departments",
    "invitations",
    "second_factors",
    "standings",
    "subscribers",
    "switches",
    "modes",
    "routing_rules",
    "unanswered_words",
    "campaigns",
}
OFFICER = accounts.Account("1" * 32, "of", accounts.Role.OFFICER, "water")
# The tables, and the other names under which statements use one of them.
LARGE = set(metadata.tables) - SMALL | {"thread", "others", "speaker", "person"}


async def live_a_day(runtime: Runtime) -> None:
    """Use everything once."""
    intake = Intake(runtime)
    await intake.take(message("FOLLOW ALL", BORIS))
    recording = IncomingMedia("RE1", "http://carrier.invalid/RE1", "audio/x-wav", "en")
    called = await intake.take(message("", media=(recording,), commands=False))
    taken = await intake.take(message("water pipe leaking", ANNA, contact=f"tel:{BORIS}", commands=False))
    assert called.post_id
    assert taken.post_id
    assert taken.ticket
    await intake.take(message(f"STATUS {taken.ticket}"))
    await settle_down(runtime)
    await media.work_on_due(runtime)
    photo = await media.accept(runtime, photo_taken())
    pictured = await intake.take(message("look at this", media=(photo,)))
    assert pictured.post_id
    while await media.work_on_due(runtime):
        pass
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await handling.take(runtime, taken.ticket, handling.Wanted(CaseStep.ASK, None, "which one?"), OFFICER)
    await handling.resume_answered(runtime)
    await be_late(runtime, taken.ticket)
    await cases.answer(runtime, taken.ticket, "done", "water", actor="of")
    await settle_down(runtime)
    assert (await intake.take(message("2"))).say.phrase == "mark_reopened"
    assert (await intake.take(message(f"MARK {taken.ticket} 5"))).say.phrase == "mark_taken_back"
    await satisfaction.close_silent(runtime)
    await moderation.decide(runtime, taken.post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    await converse(runtime, intake)
    await intake.take(message("STOP", BORIS))
    await open_a_mailbox(runtime, taken.ticket)
    await report_the_same(runtime)
    with pytest.raises(BadInput):
        await identity.prove(runtime, taken.ticket, "not it")
    at = clock.now()
    await runtime.database.write(lambda tx: outbox.claim_unknown(tx, "texting", at, at, 5))
    async with runtime.database.reading() as connection:
        await posts.published(connection, cursor=None)
        await posts.published_since(connection, at)
        await case_rows.overdue(connection, at, 50)
        await case_rows.loads(connection, ["water", "roads"], at)
        await waiting.queue(connection)
        [file] = (await posts_for_staff.thread(connection, pictured.post_id))[0].media
        await media_rows.named(connection, ["0" * 64])
        thread = [post.id for post in await posts_for_staff.thread(connection, taken.ticket)]
        await history.of_thread(connection, runtime.vault, thread)
        await history.originals(connection, runtime.vault, thread)
        await deliveries.search(connection, ticket=taken.ticket)
        await deliveries.search(connection, channel="texting", before=2**62)
        await services.standing(connection, "water", at)
    assert not await league.judged(runtime, "nobody")
    async with runtime.database.reading() as connection:
        await dead_letters.piles(connection)
        await dead_letters.found(connection, at)
        await dead_letters.found(connection, at, state=DeliveryState.FAILED, channel="texting", reason="refused")
        await outcomes.spent(connection, "texting", "2026-03-02")
        await counts.activity(connection, ["texting"])
        await words.most(connection, at.date(), 5)
    await finding.find(runtime, "pipe 灯", limit=5, department="water", since="2026-01-01")
    await runtime.database.write(lambda tx: words.forget(tx, at.date()))
    await daybook.keep_up(runtime)
    for by in periods.By:
        await analytics.report(runtime, periods.ask({"by": by}, at.date()))
    await redelivery.look(runtime, 1)
    await redelivery.drop(runtime, [1], "no longer needed", actor="mo")
    await redelivery.send_again(runtime, [1], actor="mo")
    await showing.show(runtime, file.id, False, actor="mo")
    await runtime.database.write(lambda tx: media_rows.again(tx, file.id, at))
    await broadcast_by_hand(runtime, intake)
    await be_somebody(runtime)
    await decide_a_queue(runtime)
    await watch(runtime)
    await work_here(runtime)
    await organise(runtime)
    await tell_other_systems(runtime)
    await look_back(runtime)
    await be_on_the_air(runtime)
    await be_called(runtime)
    await write_again(runtime)
    await be_judged(runtime)
    await rule_where_posts_go(runtime)


async def be_judged(runtime: Runtime) -> None:
    """Be judged in a month that is open and, a long time later, in the same month frozen; and have it corrected."""
    taken = await Intake(runtime).take(message("the bridge is loose", DAVID, commands=False))
    assert taken.post_id
    assert taken.ticket
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await cases.answer(runtime, taken.ticket, "fixed", "water", actor="of")
    async with runtime.database.reading() as connection:
        case = await case_rows.load(connection, taken.post_id)
    assert case.answered_at
    month = months.of(case.answered_at, runtime.settings.city.zone)
    chief = accounts.Account("2" * 32, "chief", accounts.Role.MODERATOR)
    for at in (case.answered_at + timedelta(minutes=1), case.answered_at + timedelta(days=70)):
        clock.replace(now=_standing_at(at))
        await assessing.keep_up(runtime)
        found = await league.read(runtime, month)
        assert found
        for which in Which:
            page = await league.behind(runtime, found.counted, "water", which, None, 1)
            if page.next:
                await league.behind(runtime, found.counted, "water", which, page.next, 1)
        await assessing.give(runtime, month, "water", 5, "quick on the bridge", chief)
    await assessing.set_out(runtime, month, taken.ticket, True, "was never theirs", chief)
    clock.replace()


def _standing_at(at: datetime) -> Callable[[], datetime]:
    return lambda: at


async def rule_where_posts_go(runtime: Runtime) -> None:
    """Try a rule on past posts, keep it, take it back; say where a report is, and ask who spoke without saying it."""
    await runtime.database.write(lambda tx: ruling.seed(tx, runtime.settings))
    wanted = ruling.Wanted(None, Rule(name="r", department="roads", place="chengdong"))
    proof = (await ruling.attempt(runtime, wanted)).proof
    made = await ruling.save(runtime, wanted, None, proof=proof, actor="mo")
    await ruling.undo(runtime, made, actor="mo")
    async with runtime.database.reading() as connection:
        await routing_rules.changes(connection)
    asking = runtime.settings.intake.model_copy(update={"ask_where": True})
    runtime.settings = runtime.settings.model_copy(update={"intake": asking})
    taken = await Intake(runtime).take(message("it is quite dark here", DAVID))
    await runtime.database.write(lambda tx: whereabouts.ask_later(runtime, tx, taken.post_id or ""))
    await relocating.move(runtime, taken.ticket or "", "人民路1号", actor="mo")


async def be_late(runtime: Runtime, ticket: str) -> None:
    """Give a case to somebody and back, have what is due told, and look at what is late."""
    officer = await runtime.database.write(lambda tx: accounts.add(tx, "of", accounts.Role.OFFICER, "x", "water"))
    await assigning.assign(runtime, ticket, "of", OFFICER)
    await reminding.send_due(runtime)
    await staff_calls.place_due(runtime)
    await overdue.look(runtime, None)
    await overdue.look(runtime, ["water"])
    async with runtime.database.reading() as connection:
        await reminders.gone(connection, ["0" * 32])
    await runtime.database.write(lambda tx: accounts.disable(tx, officer.id, clock.now()))
    await ask_for_services(runtime)


async def ask_for_services(runtime: Runtime) -> None:
    """Write a service, ask for it by a word and in vain, tell followers, take it away."""
    intake, at = Intake(runtime), clock.now()
    news = typed(METER, "outage", valid_until=at + timedelta(hours=1))
    for word in ("meter", "kayak", ""):
        await intake.take(message(f"INFO {word}", CLARA))
    known = await published(runtime, news)
    await published(runtime, typed(HALL))
    for word in ("meter", "1", ""):
        await intake.take(message(f"INFO {word}", CLARA))
    desk = Desk(runtime)
    await desk.spoken_service(known.id, "zh", "voice")
    desk.service_uses.miss("kayak", "en", "voice")
    await desk.service_uses.write()
    await desk.service_hits("meter", "zh")
    await service_work.tell(runtime, SERVICE_OFFICER, known.id)
    await service_work.dismiss(runtime, SERVICE_OFFICER, "kayak", True)
    async with runtime.database.reading() as connection:
        await services.by_slug(connection, known.slug)
        await services.of_departments(connection, ["water", "roads"], services.ServiceState.HELD, limit=5)
        await services.of_departments(connection, ["water"], None, limit=5)
        await services.public(connection, at, 5)
        await services.public(connection, at, 5, "water")
        told = (await services.one(connection, known.id)).notice_id
        assert told
        await posts.ticket_of(connection, told)
        await unanswered.most(connection, 5, dismissed=True)
    await service_work.take(runtime, SERVICE_OFFICER, known.id, service_work.Step.RETIRE)
    await service_work.undo(runtime, SERVICE_OFFICER, known.id)
    await post_phrases_back(runtime)
    await be_on_duty(runtime)


async def post_phrases_back(runtime: Runtime) -> None:
    """Have a campaign told, taken part in, drawn and looked at."""
    campaign_id = await begin_campaign(runtime)
    await phrase_of_the_day.keep_up(runtime)
    told = campaigns.today(runtime).isoformat()
    intake = Intake(runtime)
    for _ in range(2):
        taken = await intake.take(message(PHRASES[0][0], CLARA, network="192.0.2.1"))
    await campaigns.bar(runtime, campaign_id, taken.say.values["number"], actor="mo")
    await campaigns.let_in(runtime, campaign_id, taken.say.values["number"], actor="mo")
    await campaigns.drop_day(
        runtime, campaign_id, campaigns.days_of(await campaign_of(runtime, campaign_id))[1], actor="mo"
    )
    await draws.add_codes(runtime, campaign_id, "AAA\nBBB", actor="mo")
    await draws.drop_codes(runtime, campaign_id, actor="mo")
    await draws.add_codes(runtime, campaign_id, "AAA\nBBB", actor="mo")
    await runtime.database.write(lambda tx: campaign_rows.change(tx, campaign_id, ends_on="2026-01-01"))
    await draws.draw(runtime, campaign_id, actor="mo")
    await draws.tell_winners(runtime)
    async with runtime.database.reading() as connection:
        known = await campaign_rows.of_day(connection, told)
        await campaign_rows.counts(connection, [phrase.id for _, phrase in known])
        await campaign_rows.barred(connection, campaign_id)
        await campaign_rows.named(connection, ["0" * 64])
        line = await citizens.known(connection, runtime.vault, f"tel:{CLARA}")
        assert line
        assert await campaign_rows.number_of(connection, campaign_id, str(line.person))
        assert await campaign_rows.taken_part(connection, str(line.person))
    await erasure.erase(runtime, str(line.person), withdraw=True)


async def be_on_duty(runtime: Runtime) -> None:
    """Keep a rota, hand over, and have those on duty told that the queue waits."""
    runtime.commands.update(duty_alarms.commands())
    worker = await runtime.database.write(lambda tx: accounts.add(tx, "on duty", accounts.Role.MODERATOR, "x"))
    today = campaigns.today(runtime).isoformat()
    shift = await rota.add(runtime, worker.id, today, "00:00", "00:00", actor="mo")
    rule = RotaRule(account="on duty", begins="08:00", ends="16:00")
    limits = DutyLimits(waiting_minutes=0.0001)
    runtime.settings = runtime.settings.model_copy(update={"duty": Duty(alarm=limits, rota=(rule,))})
    await rota.keep_up(runtime)
    await rota.swap(runtime, shift, worker.id, actor="mo")
    await rota.drop(runtime, shift, actor="mo")
    await rota.put_back(runtime, shift, actor="mo")
    await rota.hand_over(runtime, "look at the mill", actor="mo")
    await Intake(runtime).take(message("the tower clock is wrong", DAVID))
    await alarm_lines.ask(runtime, worker.id, DAVID, "en")
    await runtime.database.write(lambda tx: alarms.prove(tx, worker.id, clock.now()))
    await duty_alarms.keep_up(runtime)
    await duty_alarms.keep_up(runtime)
    async with runtime.database.reading() as connection:
        [note] = await duty.notes(connection, runtime.vault)
        alarm = await duty.newest_alarm(connection)
        assert alarm
        assert len(await duty.steps(connection, alarm.id)) == 1
    await rota.acknowledge(runtime, note.id, actor="ada")
    await Intake(runtime).take(message("1", DAVID))
    await duty_alarms.claim_by_key(runtime, f"{alarm.id}{worker.id}")


async def campaign_of(runtime: Runtime, campaign_id: str) -> campaign_rows.Campaign:
    async with runtime.database.reading() as connection:
        return await campaign_rows.find(connection, campaign_id)


async def write_again(runtime: Runtime) -> None:
    """Oversee the writing down, have a recording written down again, and delete it when its time is over."""
    at = clock.now()
    async with runtime.database.reading() as connection:
        await transcribing.backlog(connection, at)
        await transcribing.rates(connection, at)
        await transcribing.lacking(connection)
        await transcribing.failed(connection)
        await transcribing.failures(connection, 5)
        await recordings.outdated(connection, at, 5)
    sound = IncomingMedia("upload:2", "blob:" + await runtime.blobs.keep(SPOKEN.read_bytes()), "audio/x-wav", "en")
    taken = await Intake(runtime).take(message("", CLARA, media=(sound,), commands=False))
    while await media.work_on_due(runtime):
        pass
    async with runtime.database.reading() as connection:
        [file] = (await posts_for_staff.thread(connection, str(taken.post_id)))[0].media
    await transcription.again(runtime, file.id, None, actor="mo")
    while await media.work_on_due(runtime):
        pass
    await moderation.decide(runtime, str(taken.post_id), Action.REJECT, actor="mo", reason="personal")
    assert await runtime.database.write(lambda tx: recordings.forget(tx, clock.now(), clock.now(), 5))


async def be_on_the_air(runtime: Runtime) -> None:
    """Have bulletins made by the clock and by hand, spoken, heard, taken back, made anew and forgotten."""
    runtime.synthesiser = Humming()
    taken = await Intake(runtime).take(message("the fountain is dry", "+8613800137009", own_voice=True, commands=False))
    assert taken.post_id
    assert taken.ticket
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await cases.answer(runtime, taken.ticket, "until spring", "water", actor="of")
    [one, _] = await bulletins.make_now(runtime, actor="mo")
    await airing.speak_due(runtime)
    await bulletins.newest(runtime, "en", 5)
    assert (await bulletins.one(runtime, one))[1]
    for act in (bulletins.withdraw, bulletins.restore, bulletins.make_anew):
        await act(runtime, one, actor="mo")
    await showing.take_back_voice(runtime, taken.post_id, actor="author")
    await bulletins.keep_up(runtime)
    async with runtime.database.reading() as connection:
        assert not await bulletin_rows.named(connection, ["0" * 64])
    await runtime.database.write(lambda tx: bulletin_rows.forget(tx, ["en", "zh"], clock.now()))


async def be_called(runtime: Runtime) -> None:
    """Follow a call until its end, lose one, and forget both."""
    desk = Desk(runtime)
    for number in ("CA1", "CA1", "CA2"):
        line = await desk.on_the_line("texting", number, line=None, language="en", address=f"tel:{ANNA}", live=True)
        line.hearing("a lamp", True)
        await line.step("speaking")
        await desk.calling.renew()
    await line.ended("hung_up")
    await upkeep.end_lost_calls(runtime)
    await upkeep.forget_call_words(runtime)
    async with runtime.database.reading() as connection:
        await calls.present(connection, runtime.vault, 5)
        await calls.ended(connection, runtime.vault, 5)
        await calls.changed(connection, runtime.vault, clock.now(), 5)
    await upkeep.forget(runtime)


async def look_back(runtime: Runtime) -> None:
    """Look through the inbox in every way, keep filters, notes and templates, and try a word."""
    at = clock.now()
    while await indexing.some(runtime):
        pass
    async with runtime.database.reading() as connection:
        known = await inbox.page(connection, Filter(), limit=1)
        for wanted in (
            Filter(departments=("water", "drains"), progress=(Progress.NEW,), since=at - timedelta(days=1), until=at),
            Filter(state=State.PUBLISHED, category="roads", place="Elm"),
            Filter(urgent=True, kind=Kind.COMMENT, channel="form"),
            Filter(state=State.HELD, urgent=False, oldest_first=True),
        ):
            await inbox.page(connection, wanted, cursor=known.next)
            await inbox.count_states(connection, wanted)
        for words in ({"q": "pipe", "state": "pending"}, {"q": "55229401"}, {"q": "pipe", "department": "water"}):
            wanted = inbox_work.read(words, runtime.settings, clock.now(), None)
            await inbox.page(connection, wanted)
            await inbox.count_states(connection, wanted)
        noted = known.items[0].post.id
    account = await runtime.database.write(lambda tx: accounts.add(tx, "in", accounts.Role.ADMINISTRATOR, "x"))
    saved = await inbox_work.save(runtime, account, "mine", True, {"state": "held"})
    await inbox_work.change(runtime, account, saved.id, name="ours")
    await note_work.add(runtime, noted, "call them", actor="in")
    wording = template_work.clean(runtime, "water", "en", "n", "{ticket}")
    template = await template_work.save(runtime, account, wording)
    async with runtime.database.reading() as connection:
        await inbox_filters.of_account(connection, account.id)
        await notes.of_posts(connection, runtime.vault, [noted])
        kept = await answer_templates.one(connection, template)
        await answer_templates.of_departments(connection, ["water", ""])
    await template_work.save(runtime, account, wording, kept)
    await template_work.set_removed(runtime, account, template, True)
    async with runtime.database.reading() as connection:
        assert [one async for one in answer_templates.changes(connection, ["water"])]
    await inbox_work.remove(runtime, account, saved.id)
    assert (await trying.try_word(runtime, "lamp", 1000)).looked


async def organise(runtime: Runtime) -> None:
    """Keep departments in the console, look at what they answered, and say what a report is about."""
    await in_force.begin(runtime)
    moved = await organising.move(runtime, organisation.Kind.DEPARTMENT, "roads", -1, "mo")
    await organising.undo(runtime, moved, "mo")
    with pytest.raises(organising.InUse):
        await organising.retire(runtime, organisation.Kind.DEPARTMENT, "water", "mo")
    async with runtime.database.reading() as connection:
        await organisation.changes(connection, organisation.Kind.DEPARTMENT, "roads")
        await case_rows.record(connection, "water", clock.now() - timedelta(days=30))
        await case_rows.overdue(connection, clock.now(), 10, department="water")
        await case_rows.loads(connection, ["water"], clock.now())
        first = (await posts.published(connection, limit=1))[0][0].id
    await categorise(runtime, first, "heating", actor="mo")
    assert (await finding.filed(runtime, limit=1, category="heating", until=clock.now()))[0]
    heating = next(one for one in runtime.settings.categories if one.slug == "heating")
    marked = heating.model_copy(update={"sensitive": True})
    withdrawn = await organising.change(runtime, organisation.Kind.CATEGORY, marked, 1, "mo", organising.WITHDRAW)
    assert not await finding.count(runtime, category="heating")
    await organising.undo(runtime, withdrawn, "mo")
    assert await finding.count(runtime, category="heating") == 1


async def work_here(runtime: Runtime) -> None:
    """Be invited, come in by two steps, be listed, looked up in the audit, and shut out."""
    write, at = runtime.database.write, clock.now()
    until = at + timedelta(hours=1)
    account = await write(lambda tx: accounts.add(tx, "new", accounts.Role.VIEWER, ""))
    await write(lambda tx: invitations.invite(tx, account.id, "link", until))
    await write(lambda tx: invitations.accept(tx, "link", at))
    await write(lambda tx: accounts.set_password(tx, account.id, "hash"))
    await write(lambda tx: second_factors.begin(tx, runtime.vault, account.id, "SECRET", at))
    await write(lambda tx: second_factors.confirm(tx, account.id, 1, ["code"], at))
    await write(lambda tx: second_factors.use_step(tx, account.id, 2))
    await write(lambda tx: second_factors.use_code(tx, account.id, "code"))
    await write(lambda tx: accounts.succeeded(tx, account.id, at))
    opened = await write(lambda tx: sessions.open_cookie(tx, account.id, "secret", until))
    await write(lambda tx: sessions.touch(tx, opened, at))
    await write(lambda tx: sessions.end_others(tx, account.id, opened))
    async with runtime.database.reading() as connection:
        await sessions.find(connection, "secret", at)
        await sessions.of_account(connection, account.id, at)
        await second_factors.of_account(connection, runtime.vault, account.id)
        await accounts.everybody(connection)
        for wanted in (
            audit.Wanted(),
            audit.Wanted(actor="mo"),
            audit.Wanted(action="login"),
            audit.Wanted(targets=["a", "b"]),
            audit.Wanted(since=at, until=until),
            audit.Wanted("mo", "login", ["a"], at, until),
        ):
            await audit.traces(connection, wanted)
    await write(lambda tx: sessions.end(tx, account.id, opened))
    await write(lambda tx: sessions.sweep(tx, at))
    await write(lambda tx: accounts.set_role(tx, account.id, accounts.Role.OFFICER, "water"))
    await write(lambda tx: accounts.disable(tx, account.id, at))
    await write(lambda tx: accounts.enable(tx, account.id))
    await write(lambda tx: accounts.remove(tx, account.id))


async def tell_other_systems(runtime: Runtime) -> None:
    """Subscribe one that is not there, and do with it all that is done with one."""
    settings = webhook.Settings(seconds=0.5, allow_any_address=True)
    city = City(name="Test", public_url="https://city.example", language="en", country="CN")
    channel = runtime.channels["webhook"] = webhook.Adapter(settings, Surroundings(city, runtime.http))
    one = (await subscribing.add(runtime, "http://127.0.0.1:1/", "open data", actor="ad")).id
    for act in (subscribing.replay, subscribing.pause, subscribing.resume, subscribing.test, subscribing.rotate):
        await act(runtime, one, actor="ad")
    taken = await Intake(runtime).take(message("a tree fell", CLARA, commands=False))
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    assert await feeding.feed_some(runtime)
    line = delivery.Line(runtime, channel)
    await line.step()
    await line.finish()
    async with runtime.database.reading() as connection:
        [shown] = await subscribers.everyone(connection)
    assert shown.failures
    await subscribing.remove(runtime, one, actor="ad")


async def decide_a_queue(runtime: Runtime) -> None:
    """Read the queue, look at posts with others, decide several, take it back, and let a rule decide."""
    taken = [
        await Intake(runtime).take(message(f"lamp {n} is dark at the mill", f"+86138001370{n:02}")) for n in (1, 2)
    ]
    ids = [str(one.post_id) for one in taken]
    async with runtime.database.reading() as connection:
        _, cursor = await waiting.page(connection, 1)
        await waiting.page(connection, 1, cursor)
        await waiting.some(connection, ids)
        await waiting.marks(connection, ids)
        await waiting.since(connection, clock.now(), 5)
        await waiting.urgent(connection, 5)
        await record.of_author(connection, ids[0])
        await history.lasts(connection, ids)
        await history.heard(connection, runtime.vault, ids)
    await pace.look(runtime)
    await similar.to(runtime, similar.Said("lamp is dark", Place("Elm Street", 30.1, 120.2)))
    await claiming.open_post(runtime, ids[0], "mo")
    await claiming.open_post(runtime, ids[0], "mo")
    chosen = [batches.Chosen(one) for one in ids]
    batch = await batches.decide(runtime, chosen, Action.PUBLISH, actor="mo", unless_held=True)
    undone = broadcasting_as(runtime.settings, undo_seconds=20.0)
    usual, runtime.settings = runtime.settings, undone
    await undoing.undo_together(runtime, batch.decision_id, actor="mo")
    runtime.settings = usual
    await claiming.leave(runtime, ids[0], "mo")
    await automatic.switch(runtime, automatic.Mode.TRUSTED, actor="op")
    await Intake(runtime).take(message("the swing at the mill squeaks", "+8613800137003", commands=False))
    await automatic.Automatic(runtime).decide_some()
    await automatic.switch(runtime, automatic.Mode.BY_HAND, actor="op")


async def watch(runtime: Runtime) -> None:
    """Look after the channels, with a fault that begins and ends."""
    operated = runtime.settings.health.model_copy(update={"operators": (f"tel:{DAVID}",), "calm_minutes": 0})
    runtime.settings = runtime.settings.model_copy(update={"health": operated})
    runtime.pulse.forged("form", "https://line.example/hooks/form", "http://line.example/hooks/form")
    await watching.check(runtime)
    await watching.look(runtime)
    runtime.pulse.count("form", "broken", number=health.BROKEN_CONNECTIONS)
    await watching.look(runtime)
    await watching.look(runtime)
    await switching.switch(runtime, "form", Position.PAUSED, actor="op")
    await switching.switch(runtime, "form", None, actor="op")
    account = await runtime.database.write(lambda tx: accounts.add(tx, "op", accounts.Role.ADMINISTRATOR, "x"))
    await alarm_lines.ask(runtime, account.id, DAVID, "en")
    with pytest.raises(BadInput):
        await alarm_lines.prove(runtime, account.id, "not it", actor="op")
    async with runtime.database.reading() as connection:
        [incident] = await incidents.lately(connection, 5, "form")
        await incidents.lately(connection, 5)
        await incidents.open_numbers(connection)
        await tallies.since(connection, Span.HOUR, clock.now())
    await runtime.database.write(lambda tx: alarms.prove(tx, account.id, clock.now()))
    await runtime.database.write(lambda tx: alarms.remove(tx, account.id, clock.now()))
    await runtime.database.write(lambda tx: incidents.close(tx, incident.id, clock.now()))
    await upkeep.forget(runtime)


async def broadcast_by_hand(runtime: Runtime, intake: Intake) -> None:
    """Undo, count, hold, release and stop, look at it all, and write a digest."""
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=20.0, digests=True, ask_above=0)
    await intake.take(message("FOLLOW ALL", DAVID))
    await intake.take(message("FOLLOW ALL NOW", BORIS))
    taken = await intake.take(message("the bridge is closed tonight", "+8613800138008"))
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    await undoing.undo(runtime, taken.post_id, actor="mo")
    end = clock.now() + timedelta(hours=1)
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo", expires_at=end)
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        assert await progress.asking(connection) == 1
        known = (await progress.of_posts(connection, [taken.post_id]))[-1]
        await progress.newest(connection, 5)
        await progress.newest(connection, 5, known.state)
    for action in ("agree", "pause", "resume", "stop"):
        await broadcasting.change(runtime, known.id, action, actor="mo")
        await settle_down(runtime)
        async with runtime.database.reading() as connection:
            await progress.one(connection, known.id)
    await moderation.decide(runtime, taken.post_id, Action.CORRECT, actor="mo", text="the bridge is open")
    await settle_down(runtime)
    await digests.send_due(runtime)
    await runtime.database.write(lambda tx: digest_rows.begin(tx, clock.now() - timedelta(days=1), clock.now()))
    await digests.send_due(runtime)
    runtime.settings = broadcasting_as(runtime.settings, undo_seconds=0.0, digests=False, ask_above=5000)


async def be_somebody(runtime: Runtime) -> None:
    """Use everything that is one's own: link a phone, look at all, take it away, be erased."""
    browser, phone = f"web:{1:032x}", f"tel:{ANNA}"
    await identity.send_code(runtime, browser, phone, "en")
    with pytest.raises(BadInput):
        await identity.prove_line(runtime, browser, "not it")
    async with runtime.database.reading() as connection:
        asked = await citizens.known(connection, runtime.vault, browser)
    assert asked
    sent = await identity.asked_code(runtime, asked)
    assert sent
    await runtime.database.write(lambda tx: challenges.prove(tx, sent, clock.now()))
    browser = await identity.renew(runtime, browser)
    await Intake(runtime).take(message("FOLLOW ALL", ANNA))
    async with runtime.database.reading() as connection:
        person = await citizens.person_at(connection, runtime.vault.lookup(browser))
        assert person
        own = await citizens.lines(connection, runtime.vault, person)
        written, _ = await mine.written(connection, person, limit=5)
        await mine.written(connection, person, limit=5, cursor=cursors.cursor_at(clock.now(), written[0].id))
        await mine.wrote(connection, person, written[0].id)
        follows = await citizens.follows(connection, person)
    await identity.vouched(runtime, asked, await identity.vouching(runtime, own, person))
    await runtime.database.write(lambda tx: citizens.change_line(tx, str(person), own[0].id, muted_at=clock.now()))
    await runtime.database.write(lambda tx: citizens.unfollow(tx, follows[0].id))
    await runtime.database.write(lambda tx: citizens.follow(tx, own[0].id, "all", clock.now()))
    await names.choose(runtime, person, "Lin")
    await export.gather(runtime, person)
    await runtime.database.write(lambda tx: citizens.unlink(tx, own[0].citizen_id))
    await runtime.database.write(lambda tx: citizens.link(tx, own[0].citizen_id, own[1].citizen_id))
    picture = IncomingMedia("upload:1", "blob:" + "0" * 64, "image/png")
    await Intake(runtime).take(message("one more lamp", ANNA, media=(picture,)))
    async with runtime.database.reading() as connection:
        person = str(await citizens.person_at(connection, runtime.vault.lookup(browser)))
    await erasure.erase(runtime, person, withdraw=True)


async def converse(runtime: Runtime, intake: Intake) -> None:
    """Ask for all that can be asked, add to threads, and say what others say."""
    first = await intake.take(message("rubbish lies all over the old market square", CLARA))
    for asked in ("FOLLOW heating", "FOLLOW Elm Street", "UNFOLLOW heating", "STATUS", "LANGUAGE CHINESE", "PRIVATE"):
        await intake.take(message(asked, CLARA))
    added = await intake.take(message("and it smells", CLARA))
    await intake.take(message("NEW", CLARA))
    await intake.take(message("one more thing about something else", CLARA))
    await intake.take(message("1", CLARA))
    await intake.take(message("rubbish lies all over the old market square!", DAVID))
    await intake.take(message("rubbish lies all over the old market square.", "+8613800138009"))
    assert first.post_id
    assert added.post_id
    await moderation.decide(runtime, first.post_id, Action.PUBLISH, actor="mo", alike=True)
    again = await intake.take(message(f"{first.ticket} still there", CLARA))
    assert again.post_id
    await moderation.decide(runtime, again.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        await posts_for_staff.alike(connection, first.post_id)
        await posts.comments(connection, first.ticket or "")
    await upkeep.forget(runtime)
    await upkeep.forget_networks(runtime)


async def report_the_same(runtime: Runtime) -> None:
    """Find, join and separate reports about the same thing, and answer all who reported it."""
    first, second, third, fourth = (f"+86138001380{n}" for n in range(70, 74))
    intake, where = Intake(runtime), Place("Elm Street", 30.1, 120.2)
    one = await intake.take(message("the lamp in front of 14 Elm Street is dark", first, place=where, commands=False))
    assert one.post_id
    await moderation.decide(runtime, one.post_id, Action.PUBLISH, actor="mo")
    two = await intake.take(message("the lamp in front of 14 Elm Street is dark, so dark", second, place=where))
    assert two.post_id
    while await indexing.some(runtime):
        pass
    await intake.take(message("1", second))
    await intake.take(message(f"JOIN {one.ticket}", third))
    await intake.take(message(f"STATUS {two.ticket}", second))
    await joining.separate_post(runtime, two.post_id, actor="mo")
    await joining.join_posts(runtime, two.post_id, one.ticket or "", actor="mo")
    await cases.answer(runtime, one.ticket or "", "It is mended.", "roads", actor="of")
    await settle_down(runtime)
    async with runtime.database.reading() as connection:
        await together.joined_to(connection, one.post_id)
        await likeness.noted(connection, [one.post_id, two.post_id])
        await posts.public_post(connection, two.ticket or "")
    added = await intake.take(message(f"{one.ticket}: and a bench is broken", fourth))
    assert added.post_id
    await parting.separate(runtime, added.post_id, actor="mo")
    await parting.put_back(runtime, added.post_id, actor="mo")
    await moderation.decide(runtime, one.post_id, Action.WITHDRAW, actor="mo", reason="unclear")


async def open_a_mailbox(runtime: Runtime, ticket: str) -> None:
    """Read one from both ends, as its owner, the staff and the process itself do."""
    box = mailbox.Mailbox(runtime, "texting", f"tel:{ANNA}")
    page, _ = await box.earlier(None, 5)
    await box.earlier(page[-1].number, 5)
    box.begin(page[0].number)
    await box.news(5)
    await box.seen([letter.number for letter in page])
    with pytest.raises(NotFound):
        await box.file(clock.new_id())
    await mailbox.is_typing(runtime, ticket)
    await mailbox.look(runtime, 0, set())
    async with runtime.database.reading() as connection:
        who = await mailbox_rows.owner(connection, runtime.vault.lookup(f"tel:{ANNA}"))
        assert who
        await mailbox_rows.of_posts(connection, who, [ticket], 5)
    await runtime.database.write(lambda tx: mailbox_rows.see(tx, who, [1], clock.now()))


@pytest.mark.parametrize("backend", ["sqlite"])  # asks the file
async def test_no_statement_of_a_whole_journey_walks_a_table(runtime: Runtime) -> None:
    said: dict[str, Any] = {}

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT INTO \w+ .*SELECT)", statement, re.DOTALL):
            said.setdefault(statement, parameters[0] if many else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await live_a_day(runtime)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(said) > 30
    walked = []
    async with runtime.database.reading() as connection:
        await connection.execute(text("SELECT 1"))
        for statement, parameters in said.items():
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            for row in plan:
                step = re.match(r"SCAN (\w+)", row.detail)
                if step and "USING" not in row.detail and step[1] in LARGE:
                    walked.append((step[1], " ".join(statement.split())))
    assert not walked
