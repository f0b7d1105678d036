"""Every question has its index: a whole journey is run, and each statement it made is explained."""

import re
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from gateway import clock
from gateway.casework import cases
from gateway.errors import BadInput
from gateway.journey import identity, media, moderation
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, IncomingMedia
from store import counts, deliveries, history, posts, words
from store.tables import metadata
from tests.conftest import settle_down
from tests.journey.test_intake import ANNA, BORIS, message

# Tables that never hold more than a handful of rows.
SMALL = {"leases", "accounts"}
# The tables, and the second name under which a statement uses one of them.
LARGE = set(metadata.tables) - SMALL | {"thread"}


async def live_a_day(runtime: Runtime) -> None:
    """Use everything once."""
    intake = Intake(runtime)
    await intake.take(message("FOLLOW ALL", BORIS))
    recording = IncomingMedia("RE1", "http://carrier.invalid/RE1", "audio/x-wav", "en")
    called = await intake.take(message("", media=(recording,), commands=False))
    taken = await intake.take(message("water pipe leaking", ANNA, contact=f"tel:{BORIS}"))
    assert called.post_id
    assert taken.post_id
    assert taken.ticket
    await intake.take(message(f"STATUS {taken.ticket}"))
    await settle_down(runtime)
    await media.work_on_due(runtime)
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    await cases.answer(runtime, taken.ticket, "done", "water", actor="of")
    await settle_down(runtime)
    await moderation.decide(runtime, taken.post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    await intake.take(message("STOP", BORIS))
    with pytest.raises(BadInput):
        await identity.prove(runtime, taken.ticket, "not it")
    at = clock.now()
    await runtime.database.write(lambda tx: deliveries.claim_unknown(tx, "texting", at, at, 5))
    async with runtime.database.reading() as connection:
        await posts.published(connection, cursor=None)
        await posts.queue(connection)
        thread = [post.id for post in await posts.thread(connection, taken.ticket)]
        await history.of_thread(connection, runtime.vault, thread)
        await history.originals(connection, runtime.vault, thread)
        await deliveries.search(connection, ticket=taken.ticket)
        await counts.activity(connection, ["texting"])
        await words.most(connection, at.date(), 5)
    await runtime.database.write(lambda tx: words.forget(tx, at.date()))


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
