"""Step 6: each channel's line takes what is due, renders it, sends it, and records what came of it.

A delivery is `sending` on disk before its carrier is called. If the process dies then, or the answer is lost, nobody
knows whether the carrier has it: it becomes `unknown` and is settled by the channel's own means, never sent again
blindly. What follows each failure stands in `_after`; channels only classify.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from channels import failures
from channels.base import Channel, DeliveryKind
from gateway import clock
from gateway.errors import VaultError
from gateway.journey import feeding, rendering
from gateway.runtime import Runtime
from gateway.schema import DeliveryState, Outgoing, PublicPost, SendResult
from store import changes, citizens, deliveries, posts
from store.changes import Changing
from store.database import Batch, Transaction
from store.deliveries import Claimed, Recorded

LOOK_EVERY = 2.0
SETTLE_AFTER = timedelta(seconds=5)
SETTLE_AGAIN = timedelta(minutes=1)
# A line that cannot work at all, by its own settings, is tried again this often.
MISCONFIGURED_WAIT = timedelta(minutes=1)
# Longest carrier's words kept with an attempt.
DETAIL = 300

log = structlog.get_logger()


class Line:
    """The queue of one channel, its workers, and its pace; nothing here is shared with another channel."""

    def __init__(self, runtime: Runtime, channel: Channel) -> None:
        self.name = channel.name
        self._runtime = runtime
        self._channel = channel
        self._settings = runtime.settings.delivery
        # Then each address is a system of its own: the trouble of one neither slows nor stops the line.
        self._apart = channel.capabilities.delivery is DeliveryKind.SUBSCRIBERS
        self._tries = channel.capabilities.tries or self._settings.tries
        self._bell = runtime.database.wakeups.bell(deliveries.outbox(channel.name))
        self._running: set[asyncio.Task[None]] = set()
        self._not_before: datetime | None = None
        self._failed_in_a_row = 0
        self._records: Batch[Recorded, None] = Batch(runtime.database, self._record, limit=1_000_000)

    async def run(self) -> None:
        """Deliver until cancelled; what is being sent then is given its time by `finish`."""
        while True:
            try:
                busy = await self.step()
            except Exception:
                log.exception("the delivery of a channel stumbled", action="delivery.step", channel=self.name)
                busy = False
            if not busy:
                await self._bell.wait(LOOK_EVERY)

    async def finish(self) -> None:
        """Wait for what is being sent; the caller limits how long."""
        if self._running:
            await asyncio.wait(self._running)

    async def step(self) -> bool:
        """Claim what is due, as far as workers are free, and start on it; false when there is nothing to do now."""
        free = self._settings.workers - len(self._running)
        at = clock.now()
        # Claimed by the half dozen, not one by one: a claim is a commit.
        if free * 2 < self._settings.workers or (self._not_before and at < self._not_before):
            return False
        async with self._runtime.database.reading() as connection:
            due = await deliveries.next_due(connection, self.name)
        if due is None or due > at:
            return False
        until, write = at + timedelta(seconds=self._settings.lease), self._runtime.database.write
        claimed = await write(lambda tx: deliveries.claim(tx, self.name, at, until, free))
        unknown = [] if claimed else await write(lambda tx: deliveries.claim_unknown(tx, self.name, at, until, free))
        async with self._runtime.database.reading() as connection:
            await self._start(connection, claimed, unknown)
        return bool(claimed or unknown)

    async def _start(self, connection: Any, claimed: Sequence[Claimed], unknown: Sequence[Claimed]) -> None:
        """Look up what all of them need at once, then work on each by itself."""
        everyone = [*claimed, *unknown]
        vault = self._runtime.vault
        addresses = await citizens.unseal(connection, vault, [one.address_id for one in everyone if one.address_id])
        about = {one.post_id for one in everyone if one.post_id}
        changing = await changes.load_many(connection, about) if not self._apart else {}
        public = await posts.public_by_id(connection, list(about)) if self._apart else {}
        for one in everyone:
            urn, stopped = addresses.get(one.address_id or "", (None, False))
            post_id = one.post_id or ""
            if self._apart:
                outgoing = self._event(one, urn, public.get(post_id))
            else:
                outgoing = self._outgoing(one, urn, changing.get(post_id))
            if outgoing is None:
                work = self._drop(one)
            else:
                work = self._deliver(one, outgoing, stopped) if one in claimed else self._settle(one, outgoing)
            task = asyncio.create_task(work, name=f"deliver {self.name}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _outgoing(self, claimed: Claimed, urn: str | None, post: Changing | None) -> Outgoing | None:
        """What the channel is to send; None when whom it was for was erased meanwhile."""
        if claimed.address_id and urn is None:
            return None
        try:
            secrets = deliveries.open_secrets(self._runtime.vault, claimed)
        except VaultError:
            return None
        text = rendering.render(
            self._runtime,
            self._channel,
            claimed.phrase,
            claimed.language,
            claimed.values,
            json.loads(secrets) if secrets else {},
            post,
        )
        return Outgoing(
            delivery_id=claimed.id,
            address=urn,
            text=text,
            language=claimed.language,
            idempotency=self._runtime.vault.lookup(f"delivery:{claimed.id}")[:32],
            post_id=claimed.post_id,
        )

    def _event(self, claimed: Claimed, urn: str | None, post: PublicPost | None) -> Outgoing | None:
        """What a subscriber is told: the post as it stands now, under an id that the event has for ever."""
        if urn is None:
            return None
        return Outgoing(
            delivery_id=claimed.id,
            address=urn,
            text=feeding.body(self._runtime.settings.public_url, claimed.values, post),
            language=claimed.language,
            idempotency=claimed.values["id"],
            post_id=claimed.post_id,
            event=claimed.values["about"],
        )

    async def _drop(self, claimed: Claimed) -> None:
        await self._records.submit(self._outcome(claimed, DeliveryState.DROPPED, reason="erased"))

    async def _deliver(self, claimed: Claimed, outgoing: Outgoing, stopped: bool) -> None:
        if stopped and not claimed.despite_stop:
            await self._records.submit(self._outcome(claimed, DeliveryState.DROPPED, reason="stopped"))
            return
        try:
            async with asyncio.timeout(self._settings.lease / 2):
                result = await self._channel.send(outgoing)
        except failures.Failure as failure:
            outcome = self._after(claimed, failure)
        except TimeoutError:
            outcome = self._after(claimed, failures.Unknown("no answer in time"))
        except Exception as error:
            log.exception("a channel failed in no known way", action="delivery.crash", channel=self.name)
            outcome = self._after(claimed, failures.Unknown(type(error).__name__))
        else:
            outcome = self._sent(claimed, result)
        await self._records.submit(outcome)

    async def _settle(self, claimed: Claimed, outgoing: Outgoing) -> None:
        try:
            async with asyncio.timeout(self._settings.lease / 2):
                result = await self._channel.settle(outgoing, claimed.started_at)
        except (failures.Failure, TimeoutError) as error:
            later = clock.now() + SETTLE_AGAIN
            outcome = self._outcome(claimed, DeliveryState.UNKNOWN, reason=f"unsettled: {error}"[:64], due_at=later)
        else:
            outcome = self._sent(claimed, result) if result else self._again(claimed)
        await self._records.submit(outcome)

    def _again(self, claimed: Claimed) -> Recorded:
        """After an unknown that may be sent again; one that ended so before waits as after a failure."""
        if claimed.number >= self._tries:
            return self._outcome(claimed, DeliveryState.FAILED, reason="gave up after many tries")
        wait = self._backoff(claimed.number) if claimed.number > 1 else 0
        due_at = clock.now() + timedelta(seconds=wait)
        return self._outcome(claimed, DeliveryState.DUE, reason="the carrier never had it", due_at=due_at)

    def _sent(self, claimed: Claimed, result: SendResult) -> Recorded:
        receipts = self._channel.capabilities.receipts and not result.final
        state = DeliveryState.SENT if receipts else DeliveryState.DELIVERED
        self._failed_in_a_row = 0
        return self._outcome(claimed, state, carrier_id=result.carrier_id)

    def _after(self, claimed: Claimed, failure: failures.Failure) -> Recorded:
        """What follows a failure: the one place that says it."""
        words: dict[str, Any] = {"code": failure.code, "detail": failure.detail[:DETAIL]}
        at = clock.now()
        match failure:
            case failures.Throttled():
                wait = timedelta(seconds=failure.retry_after or self._backoff(claimed.number))
                self._not_before = None if self._apart else at + wait
                return self._outcome(claimed, DeliveryState.DUE, reason="throttled", due_at=at + wait, **words)
            case failures.Misconfigured():
                due_at = at + MISCONFIGURED_WAIT
                self._not_before = None if self._apart else due_at
                return self._outcome(claimed, DeliveryState.DUE, reason="misconfigured", due_at=due_at, **words)
            case failures.RetryLater() if claimed.number < self._tries:
                self._slow_down(at)
                due_at = at + timedelta(seconds=self._backoff(claimed.number))
                return self._outcome(claimed, DeliveryState.DUE, reason="later", due_at=due_at, **words)
            case failures.Unknown():
                due_at = at + SETTLE_AFTER
                return self._outcome(claimed, DeliveryState.UNKNOWN, reason="unknown", due_at=due_at, **words)
            case _:
                return self._outcome(claimed, DeliveryState.FAILED, reason=_reason(failure), **words)

    def _slow_down(self, at: datetime) -> None:
        """A carrier that refuses everybody is left alone for a while, longer each time."""
        self._failed_in_a_row += 0 if self._apart else 1
        if not self._apart and self._failed_in_a_row % self._settings.workers == 0:
            wait = self._backoff(self._failed_in_a_row // self._settings.workers)
            self._not_before = at + timedelta(seconds=wait)

    def _backoff(self, tries: int) -> float:
        """Seconds to wait after so many tries: doubled each time, spread so that many do not come back at once."""
        doubled = self._settings.first_wait * 2.0 ** min(tries - 1, 32)
        longest: float = min(self._settings.longest_wait, doubled)
        return longest * random.uniform(0.5, 1)

    def _outcome(self, claimed: Claimed, state: DeliveryState, **words: Any) -> Recorded:
        return Recorded(claimed.id, claimed.number, state, clock.now(), **words)

    async def _record(self, transaction: Transaction, outcomes: Sequence[Recorded]) -> Sequence[None]:
        await deliveries.record(transaction, self.name, outcomes)
        if self._apart:
            await feeding.note(self._runtime, transaction, outcomes)
        return [None] * len(outcomes)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._bell.ring()
        if not task.cancelled() and (error := task.exception()):
            # Its lease will end and it becomes unknown; nothing is sent twice for it.
            log.error("an outcome could not be recorded", action="delivery.record", error=type(error).__name__)


def _reason(failure: failures.Failure) -> str:
    names: Mapping[type[failures.Failure], str] = {
        failures.OptedOut: "opted out at the carrier",
        failures.RecipientGone: "recipient gone",
        failures.WindowClosed: "reply window closed",
        failures.RetryLater: "gave up after many tries",
    }
    return names.get(type(failure), "refused")
