"""Broadcasts: paused, resumed, stopped, asked about, expired; and what changes of a post follow every delivery made."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from channels import failures
from channels.base import Capabilities, DeliveryKind
from gateway import clock
from gateway.casework import cases
from gateway.errors import BadInput, Conflict, NotFound
from gateway.journey import broadcasting, expanding, moderation, receipts
from gateway.journey.delivery import Line
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_outgoing import DeliveryState, Receipt, ReceiptStatus, SendResult
from gateway.schema_outgoing import Outgoing as Message
from store import audit, deliveries, following, outbox, outcomes, progress
from store.broadcasts import BroadcastState
from store.database import Transaction, Work
from store.progress import Account, Standing
from tests.conftest import Texting, broadcasting_as, settle_down
from tests.journey.test_intake import ANNA, BORIS, CLARA, DAVID, message

T = TypeVar("T")
FOLLOWERS = (BORIS, CLARA, DAVID)


async def published(runtime: Runtime, followers: tuple[str, ...] = FOLLOWERS, **more: object) -> str:
    """A post just published, with followers who hear of it when somebody expands and delivers."""
    for follower in followers:
        await Intake(runtime).take(message("FOLLOW ALL", follower))
    taken = await Intake(runtime).take(message("water pipe leaking on north street"))
    await settle_down(runtime)
    assert taken.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo", **more)  # type: ignore[arg-type]
    return taken.post_id


async def expand(runtime: Runtime) -> None:
    while await expanding.expand_some(runtime):
        pass


async def standing(runtime: Runtime, post_id: str) -> tuple[Standing, Account]:
    """The newest broadcast of a post."""
    async with runtime.database.reading() as connection:
        return await progress.one(connection, (await progress.of_posts(connection, [post_id]))[-1].id)


def heard(texting: Texting, words: str) -> list[str]:
    """Who heard it, once for each time."""
    return sorted(one.address.removeprefix("tel:") for one in texting.sent if one.address and words in one.text)


async def test_what_is_paused_holds_what_is_due_until_it_is_resumed(runtime: Runtime, texting: Texting) -> None:
    post_id = await published(runtime)
    await expand(runtime)
    known, _ = await standing(runtime, post_id)
    await broadcasting.change(runtime, known.id, "pause", actor="mo")
    assert not await Line(runtime, texting).step() or heard(texting, "leaking") == [], "held before it is put aside"
    await settle_down(runtime)
    known, account = await standing(runtime, post_id)
    assert (known.state, account.states[DeliveryState.HELD]) == (BroadcastState.PAUSED, 4), "the wall's too"
    assert heard(texting, "leaking") == []
    with pytest.raises(Conflict):
        await broadcasting.change(runtime, known.id, "pause", actor="mo")
    await broadcasting.change(runtime, known.id, "resume", actor="mo")
    await settle_down(runtime)
    known, account = await standing(runtime, post_id)
    assert (known.state, account.states[DeliveryState.HELD]) == (BroadcastState.EXPANDED, 0)
    assert heard(texting, "leaking") == sorted(FOLLOWERS)
    async with runtime.database.reading() as connection:
        assert {trace.action for trace in await audit.traces(connection)} >= {"broadcast pause", "broadcast resume"}


async def test_a_pause_in_the_middle_of_an_expansion_goes_on_where_it_stopped(
    runtime: Runtime, texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expanding, "CHUNK", 1)
    monkeypatch.setattr(expanding, "CHUNKS", 1)
    post_id = await published(runtime)
    for _ in range(3):  # the timelines, and the first two followers
        await expanding.expand_some(runtime)
    known, _ = await standing(runtime, post_id)
    assert (known.added, known.expected) == (3, 4)
    await broadcasting.change(runtime, known.id, "pause", actor="mo")
    await settle_down(runtime)
    assert heard(texting, "leaking") == []
    await broadcasting.change(runtime, known.id, "resume", actor="mo")
    await settle_down(runtime)
    assert heard(texting, "leaking") == sorted(FOLLOWERS)
    known, account = await standing(runtime, post_id)
    assert known.added == known.expected == sum(account.states.values()) == 4


async def test_an_expansion_makes_way_for_who_waits_and_goes_on_behind_its_cursor(
    runtime: Runtime, texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PIECE", 1)
    patiently = runtime.database.write_patiently

    async def pressed(work: Work[T]) -> T:
        async def piece(transaction: Transaction) -> T:
            transaction.awaited = lambda: True
            return await work(transaction)

        return await patiently(piece)

    monkeypatch.setattr(runtime.database, "write_patiently", pressed)
    monkeypatch.setattr(expanding, "CHUNKS", 1)
    post_id = await published(runtime)
    added = []
    while await expanding.expand_some(runtime):
        added.append((await standing(runtime, post_id))[0].added)
    assert added[:4] == [1, 2, 3, 4], "one at a time: the wall, then each follower"
    await settle_down(runtime)
    assert heard(texting, "leaking") == sorted(FOLLOWERS)


async def test_what_is_stopped_drops_what_has_not_left_and_says_why(runtime: Runtime, texting: Texting) -> None:
    post_id = await published(runtime)
    await expand(runtime)
    at = clock.now()
    until = at + timedelta(seconds=60)
    [claimed] = (await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, until, 1))).claimed
    known, _ = await standing(runtime, post_id)
    for _ in range(2):  # the author's own word is claimed first
        if claimed.audience == "follower":
            break
        [claimed] = (await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, until, 1))).claimed
    await broadcasting.change(runtime, known.id, "stop", actor="mo")
    await settle_down(runtime)
    known, account = await standing(runtime, post_id)
    assert known.state is BroadcastState.STOPPING, "one is being sent, and might come back"
    assert account.reasons == [(DeliveryState.DROPPED, "by hand", 3)], "two followers and the wall"
    failed = outcomes.Recorded(claimed.id, claimed.number, DeliveryState.DUE, clock.now(), due_at=clock.now())
    await runtime.database.write(lambda tx: outcomes.record(tx, "texting", [failed]))
    await settle_down(runtime)
    known, account = await standing(runtime, post_id)
    assert (known.state, known.reason) == (BroadcastState.STOPPED, "by hand")
    assert account.states[DeliveryState.DROPPED] == 4
    assert heard(texting, "leaking") == []
    with pytest.raises(NotFound):
        await broadcasting.change(runtime, "0" * 32, "stop", actor="mo")


async def test_a_dear_broadcast_asks_first_and_what_is_free_goes_on(runtime: Runtime, texting: Texting) -> None:
    runtime.settings = broadcasting_as(runtime.settings, ask_above=2)
    post_id = await published(runtime)
    await settle_down(runtime)
    known, account = await standing(runtime, post_id)
    assert (known.state, known.expected, known.added) == (BroadcastState.ASKING, 4, 1)
    assert known.cost == len(FOLLOWERS), "one segment each"
    assert account.channels == {"wall": {DeliveryState.DELIVERED: 1}}
    await broadcasting.change(runtime, known.id, "agree", actor="ada")
    await settle_down(runtime)
    known, _ = await standing(runtime, post_id)
    assert (known.state, known.agreed_by) == (BroadcastState.EXPANDED, "ada")
    assert heard(texting, "leaking") == sorted(FOLLOWERS)


async def test_who_heard_it_hears_of_a_change_whatever_it_costs(runtime: Runtime, texting: Texting) -> None:
    post_id = await published(runtime)
    await settle_down(runtime)
    runtime.settings = broadcasting_as(runtime.settings, ask_above=0)
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert heard(texting, "withdrawn. Please") == sorted(FOLLOWERS)


async def test_what_is_over_is_not_sent(runtime: Runtime, texting: Texting, later: Callable[[float], None]) -> None:
    post_id = await published(runtime, expires_at=clock.now() + timedelta(hours=1))
    await expand(runtime)
    later(3601)
    await expand(runtime)
    known, account = await standing(runtime, post_id)
    assert (known.state, known.reason) == (BroadcastState.STOPPED, "expired")
    # The wall had it not either: nothing was delivered meanwhile.
    assert account.reasons == [(DeliveryState.DROPPED, "expired", 4)]
    await settle_down(runtime)
    assert heard(texting, "leaking") == []


async def test_what_was_sent_in_time_is_not_called_stopped(
    runtime: Runtime, texting: Texting, later: Callable[[float], None]
) -> None:
    post_id = await published(runtime, expires_at=clock.now() + timedelta(hours=1))
    await settle_down(runtime)
    later(3601)
    await settle_down(runtime)
    known, _ = await standing(runtime, post_id)
    assert (known.state, known.reason) == (BroadcastState.EXPANDED, None)
    assert heard(texting, "leaking") == sorted(FOLLOWERS)


async def test_only_a_publication_may_end_and_only_later(runtime: Runtime) -> None:
    with pytest.raises(BadInput):
        await published(runtime, (), expires_at=clock.now() - timedelta(seconds=1))
    post_id = await published(runtime, ())
    with pytest.raises(BadInput):
        await moderation.decide(
            runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal", expires_at=clock.now() + timedelta(1)
        )


async def bring(runtime: Runtime, texting: Texting, state: str) -> None:
    """Bring the one text about the post that is due into a state."""
    if state == "waiting":
        return
    at = clock.now()
    if state in ("sending", "unknown"):
        until = at + timedelta(seconds=0 if state == "unknown" else 60)
        while (await runtime.database.write(lambda tx: outbox.claim(tx, "texting", at, until, 5))).claimed:
            pass
        if state == "unknown":
            await runtime.database.write(lambda tx: outbox.abandon(tx, at + timedelta(seconds=1)))
        return
    texting.fail = [failures.Refused("no")] * 2 if state == "failed" else []
    await settle_down(runtime)
    if state == "delivered":
        for number in range(1, len(texting.sent) + 1):
            await receipts.apply(runtime, "texting", Receipt(f"SM{number:032}", ReceiptStatus.DELIVERED, clock.now()))


@pytest.mark.parametrize("action", [Action.CORRECT, Action.WITHDRAW])
@pytest.mark.parametrize(
    ("state", "told"),
    [
        # What has not left yet is dropped, or says the new words when it does; what failed nobody heard.
        ("waiting", False),
        ("sending", True),
        ("unknown", True),
        ("sent", True),
        ("delivered", True),
        ("failed", False),
    ],
)
async def test_a_change_follows_every_delivery_made(
    runtime: Runtime, texting: Texting, later: Callable[[float], None], action: Action, state: str, told: bool
) -> None:
    post_id = await published(runtime, (BORIS,))
    await expand(runtime)
    await bring(runtime, texting, state)
    texting.sent.clear()
    text, reason = ("it was the gas pipe", None) if action is Action.CORRECT else (None, "personal")
    await moderation.decide(runtime, post_id, action, actor="mo", text=text, reason=reason)
    await settle_down(runtime)
    if state in ("sending", "unknown"):
        # What comes later in a thread waits for what came before: until it is known that the carrier has it.
        assert heard(texting, "correction") == heard(texting, "withdrawn. Please") == []
        texting.had_it = SendResult("SM" + "9" * 32)
        later(62)
        await runtime.database.write(lambda tx: outbox.abandon(tx, clock.now()))
        for _ in range(4):
            await settle_down(runtime)
            later(3)
    words = "correction: it was the gas pipe" if action is Action.CORRECT else "withdrawn. Please"
    assert heard(texting, words) == ([BORIS] if told else [])
    assert heard(texting, "water pipe") == []
    late = action is Action.CORRECT and state == "waiting"
    assert [text for text in texting.to(BORIS) if "gas pipe" in text and "correction" not in text] != [] or not late


async def test_a_correction_of_a_correction_is_heard_once(runtime: Runtime, texting: Texting) -> None:
    post_id = await published(runtime)
    await settle_down(runtime)
    await moderation.decide(runtime, post_id, Action.CORRECT, actor="mo", text="a gas pipe")
    await expand(runtime)
    await moderation.decide(runtime, post_id, Action.CORRECT, actor="mo", text="a steam pipe")
    await settle_down(runtime)
    assert heard(texting, "gas pipe") == []
    assert heard(texting, "correction: a steam pipe") == sorted(FOLLOWERS)
    assert sum("corrected" in text or "steam" in text for text in texting.to(ANNA)) == 1
    await moderation.decide(runtime, post_id, Action.CORRECT, actor="mo", text="no pipe at all")
    await settle_down(runtime)
    assert heard(texting, "correction: no pipe at all") == sorted(FOLLOWERS)


async def test_who_follows_no_more_still_hears_that_it_was_wrong(runtime: Runtime, texting: Texting) -> None:
    post_id = await published(runtime, (BORIS,))
    await settle_down(runtime)
    await Intake(runtime).take(message("UNFOLLOW ALL", BORIS))
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert heard(texting, "withdrawn. Please") == [BORIS]


async def test_the_author_hears_that_an_answer_changed(runtime: Runtime, texting: Texting) -> None:
    post_id = await published(runtime, ())
    async with runtime.database.reading() as connection:
        ticket = (await progress.of_posts(connection, [post_id]))[0].ticket
    answer_id = await cases.answer(runtime, ticket, "we come on monday", "water", actor="of")
    await settle_down(runtime)
    await moderation.decide(runtime, answer_id, Action.CORRECT, actor="mo", text="we come on tuesday")
    await settle_down(runtime)
    assert "correction" in texting.to(ANNA)[-1]
    assert "tuesday" in texting.to(ANNA)[-1]
    await moderation.decide(runtime, answer_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert "the answer you got was withdrawn" in texting.to(ANNA)[-1]


async def test_a_post_withdrawn_while_it_is_expanded_goes_to_nobody_more(
    runtime: Runtime, texting: Texting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expanding, "CHUNK", 1)
    monkeypatch.setattr(expanding, "CHUNKS", 1)
    post_id = await published(runtime)
    for _ in range(3):
        await expanding.expand_some(runtime)
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert heard(texting, "leaking") == []
    assert heard(texting, "withdrawn. Please") == []


class Chat(Texting):
    """A mailbox."""

    name = "texting"
    capabilities = Capabilities(delivery=DeliveryKind.MAILBOX, schemes=("tel",), recalls=True)

    async def send(self, outgoing: Message) -> SendResult:
        self.sent.append(outgoing)
        return SendResult(final=True)


async def test_a_mailbox_hears_of_a_change_too(runtime: Runtime, texting: Texting) -> None:
    chat = Chat.__new__(Chat)
    chat.__dict__.update(texting.__dict__)
    runtime.channels["texting"] = chat
    post_id = await published(runtime, (BORIS,))
    await settle_down(runtime)
    assert len(heard(chat, "leaking")) == 1
    await moderation.decide(runtime, post_id, Action.CORRECT, actor="mo", text="a gas pipe")
    await settle_down(runtime)
    await moderation.decide(runtime, post_id, Action.WITHDRAW, actor="mo", reason="personal")
    await settle_down(runtime)
    assert len(heard(chat, "correction: a gas pipe")) == 1
    assert len(heard(chat, "withdrawn. Please")) == 1


async def test_an_author_who_keeps_his_post_to_himself_stops_what_has_not_left(
    runtime: Runtime, texting: Texting
) -> None:
    post_id = await published(runtime, (BORIS,))
    await expand(runtime)
    await Intake(runtime).take(message("PRIVATE"))
    await expand(runtime)
    await settle_down(runtime)
    assert heard(texting, "leaking") == []
    async with runtime.database.reading() as connection:
        reasons = {one.reason for one in await deliveries.of_posts(connection, [post_id]) if one.state == "dropped"}
    assert reasons == {"withdrawn"}
