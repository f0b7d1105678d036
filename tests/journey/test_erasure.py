"""Erasing a person: nothing sealed can be opened, nothing finds him, whoever was told hears; and all else goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from channels import failures
from gateway import clock
from gateway.errors import VaultError
from gateway.journey import erasure, export, identity, media, moderation, names, transcription
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, State
from gateway.schema_incoming import IncomingMedia, Taken
from speech.models import ModelInfo
from speech.recogniser import Transcript
from store import (
    audit,
    citizens,
    deliveries,
    history,
    kept,
    posts,
    posts_for_staff,
    tables_broadcasts,
    tables_channels,
    tables_citizens,
    tables_deliveries,
    tables_history,
    tables_media,
    tables_posts,
    waiting,
)
from store.database import Transaction
from store.tables_together import reporters
from tests.conftest import Texting, settle_down
from tests.journey.test_identity import BROWSER, form, link, who
from tests.journey.test_intake import ANNA, BORIS, message

CARLA = "+8613800138003"


async def rows(runtime: Runtime, table: Any) -> list[Any]:
    async with runtime.database.reading() as connection:
        return list((await connection.execute(select(table))).mappings())


async def person_of(runtime: Runtime, urn: str = BROWSER) -> str:
    return str((await who(runtime, urn)).person)


class Life:
    """Somebody with a phone and a browser, posts in every state, and a follower of all."""

    def __init__(self, runtime: Runtime, texting: Texting) -> None:
        self.runtime, self.texting = runtime, texting
        self.posts: dict[str, Taken] = {}

    async def say(self, name: str, text: str, **more: Any) -> Taken:
        taken = await Intake(self.runtime).take(message(text, ANNA, commands=False, **more))
        self.posts[name] = taken
        return taken

    async def decide(self, name: str, action: Action, **more: Any) -> None:
        await moderation.decide(self.runtime, str(self.posts[name].post_id), action, actor="mo", **more)

    async def live(self) -> None:
        await Intake(self.runtime).take(message("FOLLOW ALL", BORIS))
        await self.say("published", "lamp broken at 5 north street, call 13900139000")
        await self.say("rejected", "rejected words")
        await self.say("held", "held words")
        await self.say("pending", "pending words")
        await self.say("private", "private words", private=True)
        self.posts["web"] = await form(self.runtime, contact=CARLA)
        await self.decide("published", Action.PUBLISH)
        await self.decide("private", Action.PUBLISH)
        await self.decide("rejected", Action.REJECT, reason="other", note="a word to the author")
        await self.decide("held", Action.HOLD, reason="unclear")
        await settle_down(self.runtime)
        await link(self.runtime, self.texting)
        await names.choose(self.runtime, await person_of(self.runtime), "Lin")
        await Intake(self.runtime).take(message("FOLLOW ALL", ANNA))

    async def state(self, name: str) -> State:
        async with self.runtime.database.reading() as connection:
            return (await posts_for_staff.thread(connection, str(self.posts[name].ticket)))[0].state


@pytest.fixture
async def life(runtime: Runtime, texting: Texting) -> Life:
    lived = Life(runtime, texting)
    await lived.live()
    return lived


async def erase(runtime: Runtime, *, withdraw: bool = True) -> None:
    await erasure.erase(runtime, await person_of(runtime), withdraw=withdraw)


async def test_nothing_sealed_can_be_opened_any_more(runtime: Runtime, life: Life) -> None:
    sealed_before = {row["id"]: row for row in await rows(runtime, tables_history.words)}
    wrapped = {row["id"]: row["wrapped"] for row in await rows(runtime, tables_citizens.keys)}
    await erase(runtime)
    left = {row["id"]: row["wrapped"] for row in await rows(runtime, tables_citizens.keys)}
    stays = {row["key_id"] for row in await rows(runtime, tables_citizens.addresses)}
    assert {key_id for key_id, value in left.items() if value} == stays, "only the follower's key is left"
    assert left.keys() == wrapped.keys()
    for row in await rows(runtime, tables_history.words):
        assert row["sealed"] == sealed_before[row["id"]]["sealed"]
        with pytest.raises(VaultError):
            runtime.vault.unwrap(row["key_id"], left[row["key_id"]])
    theirs = [row for row in await rows(runtime, tables_posts.incoming) if row["key_id"] not in stays]
    assert theirs
    assert all(row["sealed"] == b"" for row in theirs)


async def test_nothing_names_the_person(runtime: Runtime, life: Life) -> None:
    await erase(runtime)
    urns = {runtime.vault.lookup(urn) for urn in (f"tel:{ANNA}", BROWSER, f"tel:{CARLA}")}
    assert not [row for row in await rows(runtime, tables_citizens.addresses) if row["lookup"] in urns]
    assert await rows(runtime, tables_citizens.challenges) == []
    assert [row["topic"] for row in await rows(runtime, tables_citizens.subscriptions)] == ["all"]
    assert {row["display_name"] for row in await rows(runtime, tables_citizens.citizens)} == {None}
    assert {row["merged_into"] for row in await rows(runtime, tables_citizens.citizens)} == {None}
    assert {row["citizen_id"] for row in await rows(runtime, tables_posts.posts)} == {None}
    assert {row["text"] for row in await rows(runtime, tables_posts.posts)} == {""}


async def test_the_follower_hears_of_the_withdrawal_and_the_author_nothing(runtime: Runtime, life: Life) -> None:
    await settle_down(runtime)
    before, follower = len(life.texting.to(ANNA)), len(life.texting.to(BORIS))
    await erase(runtime)
    await settle_down(runtime)
    assert len(life.texting.to(ANNA)) == before
    ticket = str(life.posts["published"].ticket)
    assert [ticket in text for text in life.texting.to(BORIS)[follower:]] == [True]
    assert {await life.state(name) for name in ("published", "private")} == {State.WITHDRAWN}
    assert {await life.state(name) for name in ("rejected", "held", "pending", "web")} == {State.REJECTED}


async def test_published_words_may_stay_without_a_name(runtime: Runtime, life: Life) -> None:
    await erase(runtime, withdraw=False)
    async with runtime.database.reading() as connection:
        left = await posts.public_post(connection, str(life.posts["published"].ticket))
    assert left.state is State.PUBLISHED
    assert left.text.startswith("lamp broken")
    assert "13900139000" not in left.text
    assert left.author is None
    assert await life.state("private") is State.WITHDRAWN, "what only the department read is nobody's to leave"


async def test_it_is_in_the_history_and_the_audit_without_a_word_of_him(runtime: Runtime, life: Life) -> None:
    await erase(runtime)
    noted = [row for row in await rows(runtime, tables_history.history) if row["action"] == "erased"]
    assert {row["post_id"] for row in noted} == {taken.post_id for taken in life.posts.values()}
    assert {row["actor"] for row in noted} == {"author"}
    reasons = {row["reason"] for row in await rows(runtime, tables_history.history) if row["actor"] == "author"}
    assert reasons == {None, "erased"}
    async with runtime.database.reading() as connection:
        traces = await audit.traces(connection, audit.Wanted(actor="author"))
    assert {one.action for one in traces} == {"erased"}
    assert len(traces) == 2, "one for each line"


async def test_the_same_phone_is_a_new_citizen(runtime: Runtime, life: Life) -> None:
    old = {row["id"] for row in await rows(runtime, tables_citizens.citizens)}
    await erase(runtime)
    again = await Intake(runtime).take(message("a new report", ANNA))
    assert again.post_id
    assert (await who(runtime, f"tel:{ANNA}")).citizen_id not in old
    await moderation.decide(runtime, again.post_id, Action.PUBLISH, actor="mo")
    await settle_down(runtime)
    assert str(again.ticket) in life.texting.to(ANNA)[-1]


async def test_open_deliveries_are_dropped(runtime: Runtime, life: Life) -> None:
    await settle_down(runtime)
    await life.say("late", "one more")
    await erase(runtime)
    before = len(life.texting.sent)
    states = {
        row["state"]
        for row in await rows(runtime, tables_deliveries.deliveries)
        if row["post_id"] == life.posts["late"].post_id
    }
    assert states == {"dropped"}
    await settle_down(runtime)
    assert not [one for one in life.texting.sent[before:] if one.address == f"tel:{ANNA}"]


async def test_a_delivery_that_comes_due_again_later_stops_no_line(runtime: Runtime, life: Life) -> None:
    """As when it was being sent while its reader was erased, and the carrier refused it for now."""
    await settle_down(runtime)
    await identity.send_code(runtime, BROWSER, f"tel:{ANNA}", "en")
    await erase(runtime)
    code = [row["id"] for row in await rows(runtime, tables_deliveries.deliveries) if row["state"] == "dropped"][-1]
    again = (
        tables_deliveries.deliveries.update()
        .where(tables_deliveries.deliveries.c.id == code)
        .values(state="due", done_at=None)
    )
    await runtime.database.write(lambda tx: tx.connection.execute(again))
    other = await Intake(runtime).take(message("somebody else's", BORIS))
    await settle_down(runtime)
    assert any(str(other.ticket) in text for text in life.texting.to(BORIS))
    dropped = {
        row["id"]: row["reason"]
        for row in await rows(runtime, tables_deliveries.deliveries)
        if row["state"] == "dropped"
    }
    assert dropped[code] == "erased"


async def test_a_sealed_value_whose_key_is_gone_stops_no_line(runtime: Runtime, life: Life) -> None:
    """A message to nobody's address any more is one thing; one whose words alone cannot be opened another."""
    await settle_down(runtime)
    line = await who(runtime, f"tel:{BORIS}")
    gone = runtime.vault.new_key(clock.new_id())
    row = deliveries.row(
        channel="texting", kind="send", audience="author", priority="answer", phrase="code_line", values={},  # type: ignore[arg-type]
        language="en", at=clock.now(), address_id=line.id, key=gone, sealed=b"x" * 40,
    )  # fmt: skip
    key = {"id": gone.id, "citizen_id": None, "wrapped": b"", "created_at": clock.now()}
    await runtime.database.write(lambda tx: tx.connection.execute(tables_citizens.keys.insert(), key))
    await runtime.database.write(lambda tx: deliveries.add(tx, [row]))
    await settle_down(runtime)
    assert [one["reason"] for one in await rows(runtime, tables_deliveries.deliveries) if one["key_id"] == gone.id] == [
        "erased"
    ]


async def test_staff_can_still_look_and_decide(runtime: Runtime, life: Life) -> None:
    await erase(runtime, withdraw=False)
    ids = [str(taken.post_id) for taken in life.posts.values()]
    async with runtime.database.reading() as connection:
        assert await history.originals(connection, runtime.vault, ids) == {}
        assert await history.transcripts(connection, runtime.vault, ids) == {}
        entries = await history.of_thread(connection, runtime.vault, ids)
    assert {entry.note for of_post in entries.values() for entry in of_post} == {None}
    published = str(life.posts["published"].post_id)
    await moderation.decide(runtime, published, Action.WITHDRAW, actor="mo", reason="other", note="told to nobody")
    async with runtime.database.reading() as connection:
        entries = await history.of_thread(connection, runtime.vault, [published])
    assert entries[published][-1].note == "told to nobody", "sealed with the gateway's own key"


async def test_files_go_unless_somebody_else_s_row_names_them(runtime: Runtime, texting: Texting) -> None:
    shared, alone = await runtime.blobs.keep(b"shared"), await runtime.blobs.keep(b"alone")
    fetched = await runtime.blobs.keep(b"fetched")
    uploads = {
        name: IncomingMedia(f"upload:{name}", f"blob:{sha}", "image/png")
        for name, sha in (("mine", shared), ("alone", alone), ("theirs", shared))
    }
    own = await Intake(runtime).take(message("look", ANNA, media=(uploads["mine"], uploads["alone"])))
    call = IncomingMedia("RE9", "http://carrier.invalid/RE9", "audio/wav")
    later = await Intake(runtime).take(message("listen", ANNA, media=(call,)))
    await Intake(runtime).take(message("look too", BORIS, media=(uploads["theirs"],)))
    assert own.post_id
    table = tables_media.media
    stored = table.update().where(table.c.external_id == "RE9").values(state="stored", sha256=fetched, due_at=None)
    await runtime.database.write(lambda tx: tx.connection.execute(stored))
    await erasure.erase(runtime, await person_of(runtime, f"tel:{ANNA}"), withdraw=True)
    assert [row["external_id"] for row in await rows(runtime, table)] == ["upload:theirs"]
    assert runtime.blobs.path(shared).exists()
    assert not runtime.blobs.path(alone).exists()
    assert not runtime.blobs.path(fetched).exists()
    assert later.post_id


async def test_a_carrier_is_asked_to_delete_what_was_not_fetched_yet(runtime: Runtime, texting: Texting) -> None:
    asked: list[str] = []

    async def forget(url: str) -> None:
        asked.append(url)

    texting.forget = forget  # type: ignore[method-assign]
    call = IncomingMedia("RE9", "http://carrier.invalid/RE9", "audio/wav")
    await Intake(runtime).take(message("", ANNA, media=(call,), commands=False))
    await erasure.erase(runtime, await person_of(runtime, f"tel:{ANNA}"), withdraw=True)
    assert asked == ["http://carrier.invalid/RE9"]
    assert not await media.work_on_due(runtime)


async def test_a_recording_that_is_being_written_down_gives_no_words_back(
    runtime: Runtime, texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = await runtime.blobs.keep(b"sound")
    call = IncomingMedia("RE9", "http://carrier.invalid/RE9", "audio/wav", "en")
    await Intake(runtime).take(message("", ANNA, media=(call,), commands=False))
    fetched = tables_media.media.update().values(state="stored", sha256=sha256, due_at=clock.now())
    await runtime.database.write(lambda tx: tx.connection.execute(fetched))
    heard: list[str] = []

    async def transcribe(*_: Any, **__: Any) -> Transcript:
        await erasure.erase(runtime, await person_of(runtime, f"tel:{ANNA}"), withdraw=True)
        heard.append("words")
        return Transcript("words of somebody erased", 0.9, (), 1.0, "test")

    monkeypatch.setattr(transcription, "transcribe", transcribe)
    monkeypatch.setattr(type(runtime.models), "find", lambda *_, **__: ModelInfo("en", Path(), "test"))
    await media.work_on_due(runtime)
    assert heard
    assert [row["text"] for row in await rows(runtime, tables_posts.posts)] == [""]
    assert {row["what"] for row in await rows(runtime, tables_history.words)} == {"original"}


async def test_what_carriers_said_of_his_number_is_forgotten(runtime: Runtime, texting: Texting) -> None:
    texting.fail.append(failures.Refused(f"{ANNA} is no number", "21211"))
    await Intake(runtime).take(message("lamp broken", ANNA))
    await settle_down(runtime)
    assert [ANNA in (row["detail"] or "") for row in await rows(runtime, tables_deliveries.attempts)] == [True]
    await erasure.erase(runtime, await person_of(runtime, f"tel:{ANNA}"), withdraw=True)
    assert [row["detail"] for row in await rows(runtime, tables_deliveries.attempts)] == [None]


async def test_what_channels_keep_of_his_calls_is_forgotten(runtime: Runtime, life: Life) -> None:
    until = clock.now().replace(year=clock.now().year + 1)

    async def keep(tx: Transaction) -> None:
        await kept.keep(tx, runtime.vault, "voice", "CA1", {"from": ANNA}, until)
        await kept.keep(tx, runtime.vault, "voice", "CA2", {"from": BORIS}, until)

    await runtime.database.write(keep)
    await erase(runtime)
    assert [row["name"] for row in await rows(runtime, tables_channels.kept)] == ["CA2"]


async def test_what_others_said_alike_waits_without_him(runtime: Runtime, texting: Texting) -> None:
    same = "rubbish lies all over the old market square"
    first = await Intake(runtime).take(message(same, ANNA))
    second = await Intake(runtime).take(message(f"{same}!", BORIS))
    groups = {row["id"]: row["group_id"] for row in await rows(runtime, tables_posts.posts)}
    assert groups == {first.post_id: None, second.post_id: first.post_id}, "else this proves nothing"
    await erasure.erase(runtime, await person_of(runtime, f"tel:{ANNA}"), withdraw=True)
    async with runtime.database.reading() as connection:
        assert [post.id for post in await waiting.queue(connection)] == [second.post_id]
    third = await Intake(runtime).take(message(f"{same}.", CARLA))
    groups = {row["id"]: row["group_id"] for row in await rows(runtime, tables_posts.posts)}
    assert groups[third.post_id] == second.post_id, "and gathers what comes"


async def test_a_word_under_another_s_thread_is_nobody_s_afterwards(runtime: Runtime, life: Life) -> None:
    thread = await Intake(runtime).take(message("a thread of somebody else", BORIS))
    comment = tables_posts.posts.update().where(tables_posts.posts.c.id == life.posts["published"].post_id)
    moved = comment.values(thread_id=thread.post_id, parent_id=thread.post_id, kind="comment", ticket=None)
    await runtime.database.write(lambda tx: tx.connection.execute(moved))
    await erase(runtime, withdraw=False)
    await settle_down(runtime)
    left = str(life.posts["published"].post_id)
    await moderation.decide(runtime, left, Action.WITHDRAW, actor="mo", reason="unclear")
    assert not [row for row in await rows(runtime, tables_deliveries.deliveries) if row["phrase"] == "comment_rejected"]


async def test_many_posts_are_withdrawn_piece_by_piece(runtime: Runtime, texting: Texting, monkeypatch: Any) -> None:
    monkeypatch.setattr(erasure, "AT_ONCE", 2)
    for number in range(5):
        taken = await Intake(runtime).take(message(f"report number {number} of many", ANNA, commands=False))
        await moderation.decide(runtime, str(taken.post_id), Action.PUBLISH, actor="mo")
    await erasure.erase(runtime, await person_of(runtime, f"tel:{ANNA}"), withdraw=True)
    assert {row["state"] for row in await rows(runtime, tables_posts.posts)} == {"withdrawn"}
    told = [row for row in await rows(runtime, tables_broadcasts.broadcasts) if row["event"] == "withdrawn"]
    assert len(told) == 5


async def test_somebody_else_s_contact_stays_his(runtime: Runtime, texting: Texting) -> None:
    await form(runtime, contact=CARLA)
    await form(runtime, contact=CARLA, browser=f"web:{5:032x}")
    await erase(runtime)
    assert (await who(runtime, f"tel:{CARLA}")).citizen_id is None


# --- export ----------------------------------------------------------------------------------------------------------


async def test_the_export_holds_everything_and_nothing_of_the_staff(runtime: Runtime, life: Life) -> None:
    await life.decide("published", Action.CORRECT, text="lamp broken", note="inner thoughts of the staff")
    await settle_down(runtime)
    document = await export.gather(runtime, await person_of(runtime))
    text = json.dumps(document, ensure_ascii=False)
    assert {line["address"] for line in document["lines"]} == {f"tel:{ANNA}", BROWSER}
    by_ticket = {post["ticket"]: post for post in document["posts"]}
    assert set(by_ticket) == {taken.ticket for taken in life.posts.values()}
    published = by_ticket[life.posts["published"].ticket]
    assert published["words"] == "lamp broken at 5 north street, call 13900139000"
    assert published["shown_words"] == "lamp broken"
    rejected = by_ticket[life.posts["rejected"].ticket]["history"][-1]
    assert (rejected["by"], rejected["reason"], rejected["note"]) == ("staff", "other", "a word to the author")
    assert "inner thoughts" not in text
    assert '"mo"' not in text
    told = [one["text"] for one in document["messages"] if one["line"] == f"tel:{ANNA}" and one["text"]]
    sent = life.texting.to(ANNA)
    assert [one for one in told if "******" not in one] == [one for one in sent if "code is" not in one]
    assert sum("******" in one for one in told) == 1
    assert document["follows"] == [{"line": f"tel:{ANNA}", "topic": "all", "since": document["follows"][0]["since"]}]
    assert document["name"] == "Lin"
    assert any(one["kept"].get("contact") == f"tel:{CARLA}" for one in document["received"])


async def test_what_one_reported_too_is_exported_and_erased(runtime: Runtime, life: Life) -> None:
    ticket = str(life.posts["published"].ticket)
    assert (await Intake(runtime).take(message(f"JOIN {ticket}", BORIS))).say.phrase == "counted_in"
    person = await person_of(runtime, f"tel:{BORIS}")
    document = await export.gather(runtime, person)
    assert [one["thread"] for one in document["also_reported"]] == [ticket]
    assert len(await rows(runtime, reporters)) == 1
    await erasure.erase(runtime, person, withdraw=True)
    assert await rows(runtime, reporters) == []


async def test_another_s_things_are_in_no_export(runtime: Runtime, life: Life) -> None:
    document = await export.gather(runtime, await person_of(runtime, f"tel:{BORIS}"))
    text = json.dumps(document, ensure_ascii=False)
    assert document["posts"] == []
    assert ANNA not in text
    assert "pending words" not in text


async def test_an_export_survives_a_key_that_is_gone(runtime: Runtime, life: Life) -> None:
    person = await person_of(runtime)
    phone = await who(runtime, f"tel:{ANNA}")
    lost = (
        tables_citizens.keys.update().where(tables_citizens.keys.c.citizen_id == phone.citizen_id).values(wrapped=b"")
    )
    await runtime.database.write(lambda tx: tx.connection.execute(lost))
    document = await export.gather(runtime, person)
    assert {line["address"] for line in document["lines"]} == {None, BROWSER}
    async with runtime.database.reading() as connection:
        assert [line.urn for line in await citizens.lines(connection, runtime.vault, person)] == [None, BROWSER]
