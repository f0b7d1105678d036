"""A bad mark is a matter of the supervisors: they are told of it on their lines, of each round of answers once."""

from gateway import clock
from gateway.casework.handling import supervises
from gateway.journey import staff_messages
from gateway.journey.staff_messages import Message
from gateway.runtime import Runtime
from gateway.schema_outgoing import AlarmSubject
from store import history
from store.cases import Case
from store.changes import Changing
from store.database import Transaction

BAD_MARK = "case_bad_mark"


async def tell(runtime: Runtime, transaction: Transaction, case: Case, thread: Changing, *, reopens: bool) -> None:
    """Tell the supervisors that an author is not content with the answer to a thread, and what became of its case."""
    known = await staff_messages.lines(runtime, transaction, AlarmSubject.ESCALATIONS)
    values = {
        "ticket": thread.ticket,
        "department": case.department,
        "url": f"{runtime.settings.public_url}/console/posts/{thread.ticket}",
    }
    phrase = "bad_mark_reopened" if reopens else "bad_mark_closed"
    said = [Message(line, phrase, values) for line in known.values() if line.account and supervises(line.account)]
    await staff_messages.tell(runtime, transaction, said, clock.now())
    await history.add(transaction, history.entry(case.thread_id, "rule", BAD_MARK))
