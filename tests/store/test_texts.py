"""Past texts and notes, on both databases: in order, chunk by chunk, and sealed."""

from gateway.schema import Ruling, State
from store import notes, texts
from store.database import Database
from store.tables_history import words
from store.vault import Vault
from tests.store.test_inbox import put

VAULT = Vault(bytes(32))


async def test_texts_come_newest_first_each_once(database: Database) -> None:
    for number in range(1, 6):
        # Two of one moment each: their ids settle the order.
        await put(database, number, number // 2, state=State.HELD, ruling=Ruling.WATCH)
    seen: list[str] = []
    known = None
    while True:
        async with database.reading() as connection:
            chunk = await texts.before(connection, known, 2)
        seen += [one.text for one in chunk]
        if len(chunk) < 2:
            break
        known = chunk[-1]
    assert seen == [f"number {number}" for number in (5, 4, 3, 2, 1)]
    assert known
    assert (known.ticket, known.ruling, known.state) == ("10000002", Ruling.WATCH, State.HELD)


async def test_notes_are_read_in_order_and_kept_sealed(database: Database) -> None:
    first, second = await put(database, 1), await put(database, 2)
    for post_id, text in ((first, "one"), (second, "another post’s"), (first, "two")):
        await database.write(lambda tx, p=post_id, t=text: notes.add(tx, VAULT, p, "mo", t))  # type: ignore[misc]
    async with database.reading() as connection:
        read = await notes.of_posts(connection, VAULT, [first])
        kept = [row.sealed for row in await connection.execute(words.select())]
    assert [(note.post_id, note.actor, note.text) for note in read] == [(first, "mo", "one"), (first, "mo", "two")]
    assert len(kept) == 3
    assert not any(b"one" in sealed or b"two" in sealed for sealed in kept)
