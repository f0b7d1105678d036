"""After a person was erased no column of any table says who he was or what he wrote, and nothing sealed can be opened.

A new table fails here until somebody who is in every feature is in it too, or it is named among those that hold
nothing of citizens.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway import clock
from gateway.casework import bulletins, cases, daybook, draws, notes
from gateway.casework.service_uses import ServiceUses
from gateway.errors import VaultError
from gateway.journey import erasure, indexing, joining, moderation, names
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Place
from gateway.schema_incoming import IncomingMedia
from gateway.settings import Settings
from store import calls, kept
from store.calls import Call, Words
from store.every_table import metadata
from store.vault import SealingKey, Vault
from tests.casework.campaign_world import PHRASES, begin
from tests.conftest import Texting, settle_down
from tests.journey.test_erasure import CARLA, Life, person_of
from tests.journey.test_identity import BROWSER
from tests.journey.test_intake import ANNA, BORIS, message

DAY = 86_400.0
# Each of his texts, his name and his place have this word; his numbers and his browser are known by theirs.
HIS = "quokka"
MARKERS = (HIS, ANNA.lstrip("+"), CARLA.lstrip("+"), BROWSER.partition(":")[2])

# Tables that hold nothing of citizens, by what they are about.
STAFFS = frozenset(
    {"accounts", "alarms", "claims", "duty_alarms", "duty_steps", "handovers", "inbox_filters", "invitations"}
    | {"modes", "recovery_codes", "second_factors", "sessions", "shifts", "staff_calls", "supervisor_points"}
    | {"switches"}
)
WRITTEN_BY_STAFF = frozenset(
    {"answer_templates", "categories", "departments", "organisation_changes", "routing_changes", "routing_rules"}
    | {"service_changes", "service_words", "services", "template_changes"}
)
NUMBERS_ONLY = frozenset(
    {"assessments", "paces", "reminders", "scored", "scores", "service_uses", "spendings", "tallies", "word_hits"}
)
OF_THE_GATEWAY = frozenset({"digests", "incidents", "leases", "standings", "subscribers"})
# A report that says what another does, by ids alone; transcripts are ids of sealed words, receipts a carrier's ids.
IDS_ONLY = frozenset({"likenesses", "receipts", "transcripts", "unindexed"})
NOT_OF_CITIZENS = STAFFS | WRITTEN_BY_STAFF | NUMBERS_ONLY | OF_THE_GATEWAY | IDS_ONLY
# Where the words and places of public posts stand that he leaves, without his name.
OF_WHAT_STAYS = frozenset(
    {"posts.text", "posts.place", "search.tokens", "staff_search.tokens", "figures.value", "paces.value"}
    | {"bulletin_parts.title", "bulletin_parts.said"}
)
# Words asked for in vain belong to nobody: short, masked, passed by the filter, without who asked (`unanswered`).
ASKED = "nosuchthing"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Who names no place is asked for it."""
    return settings.model_copy(update={"intake": settings.intake.model_copy(update={"ask_where": True})})


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Mapping[bytes, tuple[bytes, SealingKey | None]]:
    """What was sealed in this test, by how it is kept: the plain value, and the citizen's key if it was one."""
    made: dict[bytes, tuple[bytes, SealingKey | None]] = {}
    seal = Vault.seal

    def noting(self: Vault, value: bytes, place: str, key: SealingKey | None = None) -> bytes:
        closed = seal(self, value, place, key)
        made[closed] = (value, key)
        return closed

    monkeypatch.setattr(Vault, "seal", noting)
    return made


async def lives(runtime: Runtime, texting: Texting, later: Callable[[float], None]) -> None:
    """Somebody does all that can be done here."""
    life, intake = Life(runtime, texting), Intake(runtime)
    campaign_id = await begin(runtime, winners=1)
    others = ("a lamp is dark", "a pipe leaks in Elm Street")
    theirs = [await intake.take(message(text, BORIS, commands=False)) for text in others]
    for taken in theirs:
        await moderation.decide(runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    await life.live()
    await names.choose(runtime, await person_of(runtime), f"Lin the {HIS}")
    sound = await runtime.blobs.keep(b"sound")
    photo = IncomingMedia("upload:his", f"blob:{sound}", "image/png")
    where = Place(f"12 {HIS} lane", 30.6, 104.0)
    await answered(life, "answered", where)
    await intake.take(message("5", ANNA))
    await life.say("joined", f"the {HIS} lamp is dark", media=(photo,), place=where)
    await joining.join_posts(runtime, str(life.posts["joined"].ticket), str(theirs[0].ticket), actor="mo")
    await intake.take(message(f"JOIN {theirs[1].ticket}", ANNA))
    await intake.take(message(f"INFO {ASKED}", ANNA))
    ServiceUses(runtime).miss(ASKED, "en", "portal")
    await notes.add(runtime, str(life.posts["answered"].ticket), f"the {HIS} man is at {ANNA}", actor="li")
    await intake.take(message(PHRASES[0][0], ANNA))
    await calls_in(runtime)
    await settle_down(runtime)
    await bulletins.make_now(runtime, actor="mo")
    await daybook.keep_up(runtime)
    later(20 * DAY)
    await draws.add_codes(runtime, campaign_id, "AAA-1\nBBB-2\n", actor="ada")
    assert await draws.draw(runtime, campaign_id, actor="ada") == 1
    await draws.tell_winners(runtime)
    assert (await intake.take(message(f"the {HIS} bin is full", ANNA))).post_id
    while await indexing.some(runtime):
        pass
    await daybook.keep_up(runtime)


async def answered(life: Life, name: str, where: Place) -> None:
    """He reports something and is asked what he thinks of the answer."""
    await life.say(name, f"the {HIS} fence is broken, call 13900139000", category="roads", place=where)
    await life.decide(name, Action.PUBLISH)
    await settle_down(life.runtime)
    await cases.answer(life.runtime, str(life.posts[name].ticket), "It is mended.", "roads", actor="li")
    await settle_down(life.runtime)


async def calls_in(runtime: Runtime) -> None:
    """He is on the phone."""
    at = clock.now()
    said = Words((f"here is {HIS}",), "and")
    call = Call(
        clock.new_id(), "voice", "CA1", "+862888880000", "en", True, "report", at, at, at + timedelta(minutes=1),
        clock.new_id(), caller=runtime.vault.lookup(f"tel:{ANNA}"), words=said,
    )  # fmt: skip
    await runtime.database.write(lambda tx: calls.begin(tx, runtime.vault, call, 10))
    until = at + timedelta(days=1)
    await runtime.database.write(lambda tx: kept.keep(tx, runtime.vault, "voice", "CA1", {"from": ANNA}, until))


async def everything(runtime: Runtime) -> Mapping[str, list[dict[str, Any]]]:
    """Every row of every table."""
    async with runtime.database.reading() as connection:
        return {
            name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
            for name, table in metadata.tables.items()
        }


def says(value: object) -> bool:
    """Whether something of him can be read in a value as it stands."""
    if isinstance(value, bytes):
        return any(marker.encode() in value for marker in MARKERS)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return any(marker in text.lower() for marker in MARKERS)


def clear(rows: Mapping[str, list[dict[str, Any]]]) -> set[str]:
    """The columns where something of him can be read."""
    return {f"{name}.{column}" for name in rows for row in rows[name] for column, value in row.items() if says(value)}


def opened(
    runtime: Runtime,
    rows: Mapping[str, list[dict[str, Any]]],
    sealed: Mapping[bytes, tuple[bytes, SealingKey | None]],
) -> set[str]:
    """The columns where something of him is sealed and can still be opened."""
    wrapped = {row["id"]: row["wrapped"] for row in rows["keys"]}

    def opens(key: SealingKey | None) -> bool:
        try:
            return key is None or bool(runtime.vault.unwrap(key.id, wrapped[key.id]))
        except (KeyError, VaultError):
            return False

    return {
        f"{name}.{column}"
        for name, found in rows.items()
        for row in found
        for column, value in row.items()
        if isinstance(value, bytes) and value in sealed and says(sealed[value][0]) and opens(sealed[value][1])
    }


@pytest.mark.parametrize("withdraw", [True, False])
async def test_no_table_says_anything_of_him(
    runtime: Runtime,
    texting: Texting,
    later: Callable[[float], None],
    sealed: Mapping[bytes, tuple[bytes, SealingKey | None]],
    withdraw: bool,
) -> None:
    await lives(runtime, texting, later)
    before = await everything(runtime)
    filled = {name for name, rows in before.items() if rows}
    assert set(before) - filled - NOT_OF_CITIZENS == set(), "have somebody be in these, or say why he cannot be"
    known = {"posts.text", "posts.place", "citizens.display_name", "figures.value", "bulletin_parts.said"}
    assert known <= clear(before), "else this proves nothing"
    assert {"addresses.sealed", "incoming.sealed", "words.sealed", "calls.sealed", "kept.sealed"} <= opened(
        runtime, before, sealed
    )
    await erasure.erase(runtime, await person_of(runtime), withdraw=withdraw)
    await settle_down(runtime)
    await bulletins.keep_up(runtime)
    await daybook.keep_up(runtime)
    while await indexing.some(runtime):
        pass
    left = await everything(runtime)
    assert opened(runtime, left, sealed) == set()
    assert clear(left) == (set() if withdraw else OF_WHAT_STAYS)
    said = [row["text"] for row in left["posts"] if says(row["text"])]
    assert said == ([] if withdraw else [f"the {HIS} fence is broken, call 139****9000"])
