"""What must be done again and again: end lost leases, forget what may be forgotten."""

from datetime import timedelta

import structlog

from gateway import clock
from gateway.journey import similar
from gateway.journey.intake import ALIKE_WITHIN
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from store import (
    alike,
    audit,
    bulletins,
    calls,
    campaigns,
    claims,
    incidents,
    incoming,
    kept,
    likeness,
    media,
    outbox,
    participating,
    recordings,
    tallies,
    unanswered,
    words,
)
from store import sessions as session_rows

# For how long a file may lie on disk before the row that names it is there, in seconds.
UNNAMED = 3600.0
FILES_AT_ONCE = 500
RECORDINGS_AT_ONCE = 100
# For how long the words of a call are kept after its end beside the post that was made of it: with the time until the
# next look they are gone within the hour that citizens are told of.
CALL_WORDS = timedelta(minutes=50)
# For how long a word is listed that nobody asks for any more.
UNANSWERED = timedelta(days=180)
# For how long it is known from which network a page took part in a daily phrase: one network may on one day only.
NETWORKS = timedelta(days=2)
NETWORKS_AT_ONCE = 1000

log = structlog.get_logger()


async def abandon_leases(runtime: Runtime) -> None:
    """Deliveries whose worker died while sending become unknown, and are settled by their channel."""
    lost = await runtime.database.write(lambda transaction: outbox.abandon(transaction, clock.now()))
    if lost:
        log.warning("deliveries were left in sending", action="upkeep.leases", number=lost)


async def end_lost_calls(runtime: Runtime) -> None:
    """Calls whose process died are over, unless they come back."""
    lost = await runtime.database.write(lambda transaction: calls.abandon(transaction, clock.now()))
    if lost:
        log.warning("calls were left going on", action="upkeep.calls", number=lost)


async def forget_call_words(runtime: Runtime) -> None:
    """Empty the words of calls that are over for long."""
    before = clock.now() - CALL_WORDS
    emptied = await runtime.database.write(lambda transaction: calls.forget_words(transaction, before))
    if emptied:
        log.info("words of calls forgotten", action="upkeep.call_words", number=emptied)


async def sweep_files(runtime: Runtime) -> None:
    """Delete files that no row names: of a form that was never taken, and photos that a clean copy replaced."""
    old, removed = await runtime.blobs.old(UNNAMED), 0
    for start in range(0, len(old), FILES_AT_ONCE):
        some = old[start : start + FILES_AT_ONCE]
        async with runtime.database.reading() as connection:
            named = set().union(*[await kind.named(connection, some) for kind in (media, bulletins, campaigns)])
        removed += await runtime.blobs.remove([sha256 for sha256 in some if sha256 not in named], UNNAMED)
    log.info("files swept", action="upkeep.files", removed=removed, kept=len(old) - removed)


async def forget_recordings(runtime: Runtime) -> None:
    """Delete the recordings whose keeping time is over, some at a time; what was written down of them stays."""
    days, at = runtime.settings.keeping.recording_days, clock.now()
    if days == 0:
        return
    before, done = at - timedelta(days=days), 0
    while some := await runtime.database.write(lambda tx: recordings.forget(tx, before, at, RECORDINGS_AT_ONCE)):
        done += some
    if done:
        await runtime.database.write(lambda tx: audit.note(tx, "upkeep", "recordings deleted", str(done)))
        log.info("recordings deleted", action="upkeep.recordings", number=done)


async def forget_networks(runtime: Runtime) -> None:
    """Forget from which networks pages took part in phrases of days that are over, some at a time."""
    before = (clock.now() - NETWORKS).astimezone(runtime.settings.city.zone).date().isoformat()
    while await runtime.database.write(lambda tx: participating.forget_networks(tx, before, NETWORKS_AT_ONCE)):
        pass


async def forget(runtime: Runtime) -> None:
    """Delete what its keeping time is over for, and note in the audit log how much it was."""
    at = clock.now()
    before = at - timedelta(days=runtime.settings.keeping.payload_days)
    payloads = await runtime.database.write(lambda transaction: incoming.forget_payloads(transaction, before))
    values = await runtime.database.write(lambda transaction: kept.forget_old(transaction, at))
    gists = await runtime.database.write(lambda transaction: alike.forget_old(transaction, at - ALIKE_WITHIN))
    marks = await runtime.database.write(lambda transaction: likeness.forget(transaction, at - similar.WITHIN))
    questions = await runtime.database.write(lambda transaction: incoming.forget_questions(transaction, at))
    day = (at - timedelta(days=runtime.settings.filters.hits_days)).astimezone(runtime.settings.city.zone).date()
    await runtime.database.write(lambda transaction: words.forget(transaction, day))
    keep = runtime.settings.health.keep_days
    await runtime.database.write(lambda transaction: tallies.forget(transaction, at, keep))
    await runtime.database.write(lambda transaction: incidents.forget(transaction, at - timedelta(days=keep)))
    await runtime.database.write(lambda transaction: claims.forget(transaction, at))
    spoken = at - timedelta(days=runtime.settings.radio.keep_days)
    aired = await runtime.database.write(lambda transaction: bulletins.forget(transaction, LANGUAGES, spoken))
    called = at - timedelta(days=runtime.settings.keeping.call_days)
    await runtime.database.write(lambda transaction: calls.forget(transaction, called))
    await runtime.database.write(lambda transaction: unanswered.forget(transaction, at - UNANSWERED))
    sessions = await runtime.database.write(lambda transaction: session_rows.sweep(transaction, at))
    if payloads:
        await runtime.database.write(
            lambda transaction: audit.note(transaction, "upkeep", "payloads forgotten", str(payloads))
        )
    counts = {"payloads": payloads, "kept": values, "gists": gists, "questions": questions, "sessions": sessions}
    counts |= {"bulletins": aired, "marks": marks}
    log.info("forgot", action="upkeep.forget", **counts)
