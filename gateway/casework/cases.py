"""What a department does on a thread: its answer is published when the filter passes it, else held for a supervisor."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway import clock
from gateway.errors import BadInput, Conflict, NotAllowed
from gateway.journey import folding, moderation
from gateway.runtime import Runtime
from gateway.schema import Kind, MediaState, Ruling, State, TranscriptState
from gateway.schema_cases import Progress
from gateway.schema_incoming import IncomingMedia
from store import cases as case_rows
from store import changes, history, media
from store.changes import Changing
from store.database import Transaction
from store.media import CONSOLE as CHANNEL

# What is the same within this time is one answer sent twice.
REPEATED_WITHIN = timedelta(minutes=1)


async def answer(
    runtime: Runtime,
    reference: str,
    text: str,
    department: str,
    *,
    actor: str,
    own: str | None = None,
    files: Sequence[IncomingMedia] = (),
) -> str:
    """Answer a thread (by ticket or id) as a department, perhaps with photos; gives the id of the answer.

    To a published thread it goes to all; to one that is private, or not published, to its author alone. The same again
    within a minute, as by a button pressed twice, is the one that is there. Raises
    `NotAllowed` when the case is another department's than `own`, to which who answers is limited; `BadInput` for an
    empty text or an unknown department, `NotFound`, and `Conflict` for a thread that was turned away.
    """
    cleaned = folding.clean(text, runtime.settings.intake.text_limit)
    if not cleaned:
        raise BadInput("write an answer", "text")
    check_department(runtime, department)
    verdict = runtime.judge(cleaned)
    held = verdict.ruling in (Ruling.HOLD, Ruling.BLOCK)

    async def work(transaction: Transaction) -> str:
        thread = await changes.load(transaction.connection, reference, hold=True)
        if thread.id != thread.thread_id:
            thread = await changes.load(transaction.connection, thread.thread_id, hold=True)
        if thread.state in (State.REJECTED, State.WITHDRAWN):
            joined = "this report was joined to another one: answer that one"
            raise Conflict(joined if thread.joined else "this thread was turned away and cannot be answered")
        if own:
            await _check_own(transaction, thread.id, own)
        if known := await _said_already(transaction, thread.id, department, cleaned, len(files)):
            return known
        answer_id = await _insert(transaction, thread, cleaned, department)
        await media.add(transaction, [_photo(answer_id, file) for file in files])
        words = history.sealed_words(runtime.vault, None, answer_id, history.What.ORIGINAL, cleaned)
        state = State.HELD if held else State.PENDING
        rule = verdict.rules[0][:64] if held and verdict.rules else None
        await history.add(transaction, history.entry(answer_id, actor, "answered", to_state=state, reason=rule), words)
        if held:
            await changes.apply(
                transaction, answer_id, state=State.HELD, ruling=verdict.ruling, rules=list(verdict.rules)
            )
        else:
            await moderation.publish_answer(runtime, transaction, answer_id)
        return answer_id

    return await runtime.database.write(work)


async def _said_already(transaction: Transaction, thread_id: str, department: str, text: str, files: int) -> str | None:
    """The id of the same answer, given a moment ago; None when anything was said or done with the case since."""
    connection = transaction.connection
    said = await changes.last_answer(connection, thread_id, clock.now() - REPEATED_WITHIN)
    if said is None or (said.department, said.text, said.files) != (department, text, files):
        return None
    case = await case_rows.find(connection, thread_id)
    untouched = case is None or case.progress is Progress.ANSWERED or said.state is State.HELD
    return said.id if untouched else None


async def _check_own(transaction: Transaction, thread_id: str, own: str) -> None:
    case = await case_rows.find(transaction.connection, thread_id)
    if case and case.department and own not in (case.department, case.handed_to):
        raise NotAllowed("this report is not your department's")


def check_department(runtime: Runtime, department: str | None) -> None:
    """Raises `BadInput` for what is no department of the city."""
    if department not in {known.slug for known in runtime.settings.departments}:
        raise BadInput("choose a department", "department")


def _photo(answer_id: str, file: IncomingMedia) -> dict[str, Any]:
    """The row of a photo that is to be looked at and made safe; it is shown with its answer from then on."""
    at = clock.now()
    return {
        "id": clock.new_id(),
        "post_id": answer_id,
        "channel": CHANNEL,
        "external_id": file.external_id,
        "url": file.url,
        "type": file.type,
        "state": MediaState.DUE,
        "public": True,
        "transcript_state": TranscriptState.NONE,
        "due_at": at,
        "created_at": at,
    }


async def _insert(transaction: Transaction, thread: Changing, text: str, department: str) -> str:
    answer_id = clock.new_id()
    await changes.insert(
        transaction,
        {
            "id": answer_id,
            "thread_id": thread.id,
            "parent_id": thread.id,
            "kind": Kind.ANSWER,
            "state": State.PENDING,
            # A department's own numbers are meant to be read: nothing is masked.
            "text": text,
            "channel": CHANNEL,
            "department": department,
            "language": folding.language_of(text) or thread.language,
            "private": thread.private,
            "ruling": Ruling.PASS,
            "rules": [],
            "created_at": clock.now(),
        },
    )
    return answer_id
