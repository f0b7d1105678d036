"""Whom a message with an answer asks what he thinks of it; what follows a mark is in `casework.satisfaction`."""

from gateway.runtime import Runtime
from gateway.schema import Kind
from store import cases, changes, citizens, marks
from store.changes import Changing
from store.database import Transaction


async def is_asked(runtime: Runtime, transaction: Transaction, answer: Changing) -> bool:
    """Whether the author is asked what he thinks of an answer: not of one to praise, and once for each round."""
    if not runtime.settings.deadlines.satisfaction.ask or answer.author_id is None:
        return False
    connection = transaction.connection
    thread = await changes.load(connection, answer.thread_id)
    case = await cases.find(connection, answer.thread_id)
    if case is None or thread.kind is Kind.PRAISE:
        return False
    person = await citizens.person_of(connection, answer.author_id)
    known = (await marks.of_threads(connection, [thread.id])).get(thread.id, ())
    return marks.is_awaited(known, case.reopened, person)
