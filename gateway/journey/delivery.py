"""Step 6: each channel's line takes what is due, renders it, sends it, and records what came of it.

A delivery is `sending` on disk before its carrier is called. If the process dies then, or the answer is lost, nobody
knows whether the carrier has it: it becomes `unknown` and is settled by the channel's own means, never sent again
blindly. What follows each failure stands in `_after`; channels only classify.
"""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from channels import failures
from channels.base import Channel
from gateway import clock
from gateway.errors import VaultError
from gateway.journey import rendering
from gateway.journey.breaker import Breaker
from gateway.runtime import Runtime
from gateway.schema import DeliveryState, Outgoing, SendResult
from store import changes, citizens, deliveries
from store.changes import Changing
from store.database import Batch, Transaction
from store.deliveries import Claimed, Recorded

LOOK_EVERY = 2.0
SETTLE_AFTER = timedelta(seconds=5)
SETTLE_AGAIN = timedelta(minutes=1)
# A message that met wrong settings is due again after this long; the breaker decides when the line is tried.
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
        self._bell = runtime.database.wakeups.bell(deliveries.outbox(channel.name))
        self._running: set[asyncio.Task[None]] = set()
        health = runtime.settings.health
        self._breaker = Breaker(
            failures=health.breaker_failures, first=health.breaker_wait, longest=health.breaker_longest
        )
        runtime.breakers[channel.name] = self._breaker
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
        if free * 2 < self._settings.workers or self._runtime.switches.paused(self.name):
            return False
        free = self._breaker.allowed(at, free)
        if not free:
            return False
        async with self._runtime.database.reading() as connection:
            due = await deliveries.next_due(connection, self.name)
        if due is None or due > at:
            return False
        until, write = at + timedelta(seconds=self._settings.lease), self._runtime.database.write
        claimed = await write(lambda tx: deliveries.claim(tx, self.name, at, until, free))
        unknown = [] if claimed else await write(lambda tx: deliveries.claim_unknown(tx, self.name, at, until, free))
        if claimed:
            self._breaker.started(at)
        async with self._runtime.database.reading() as connection:
            await self._start(connection, claimed, unknown)
        return bool(claimed or unknown)

    async def _start(self, connection: Any, claimed: Sequence[Claimed], unknown: Sequence[Claimed]) -> None:
        """Look up what all of them need at once, then work on each by itself."""
        everyone = [*claimed, *unknown]
        vault = self._runtime.vault
        addresses = await citizens.unseal(connection, vault, [one.address_id for one in everyone if one.address_id])
        posts = await changes.load_many(connection, {one.post_id for one in everyone if one.post_id})
        for one in everyone:
            urn, stopped = addresses.get(one.address_id or "", (None, False))
            outgoing = self._outgoing(one, urn, posts.get(one.post_id or ""))
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
            # The carrier never had it: then it may be sent again.
            again = self._outcome(claimed, DeliveryState.DUE, reason="the carrier never had it", due_at=clock.now())
            outcome = self._sent(claimed, result) if result else again
        await self._records.submit(outcome)

    def _sent(self, claimed: Claimed, result: SendResult) -> Recorded:
        receipts = self._channel.capabilities.receipts and not result.final
        state = DeliveryState.SENT if receipts else DeliveryState.DELIVERED
        self._breaker.answered()
        return self._outcome(claimed, state, carrier_id=result.carrier_id)

    def _after(self, claimed: Claimed, failure: failures.Failure) -> Recorded:
        """What follows a failure: for its delivery here, for the whole line in the breaker."""
        outcome = self._outcome_of(claimed, failure)
        self._breaker.heard(failure, outcome.due_at, clock.now())
        return outcome

    def _outcome_of(self, claimed: Claimed, failure: failures.Failure) -> Recorded:
        words: dict[str, Any] = {"code": failure.code, "detail": failure.detail[:DETAIL]}
        at = clock.now()
        match failure:
            case failures.Throttled():
                wait = timedelta(seconds=failure.retry_after or self._backoff(claimed.number))
                return self._outcome(claimed, DeliveryState.DUE, reason="throttled", due_at=at + wait, **words)
            case failures.Misconfigured():
                due_at = at + MISCONFIGURED_WAIT
                return self._outcome(claimed, DeliveryState.DUE, reason="misconfigured", due_at=due_at, **words)
            case failures.RetryLater() if claimed.number < self._settings.tries:
                due_at = at + timedelta(seconds=self._backoff(claimed.number))
                return self._outcome(claimed, DeliveryState.DUE, reason="later", due_at=due_at, **words)
            case failures.Unknown():
                due_at = at + SETTLE_AFTER
                return self._outcome(claimed, DeliveryState.UNKNOWN, reason="unknown", due_at=due_at, **words)
            case _:
                return self._outcome(claimed, DeliveryState.FAILED, reason=_reason(failure), **words)

    def _backoff(self, tries: int) -> float:
        """Seconds to wait after so many tries: doubled each time, spread so that many do not come back at once."""
        longest: float = min(self._settings.longest_wait, self._settings.first_wait * 2.0 ** (tries - 1))
        return longest * random.uniform(0.5, 1)

    def _outcome(self, claimed: Claimed, state: DeliveryState, **words: Any) -> Recorded:
        return Recorded(claimed.id, claimed.number, state, clock.now(), **words)

    async def _record(self, transaction: Transaction, outcomes: Sequence[Recorded]) -> Sequence[None]:
        await deliveries.record(transaction, self.name, outcomes)
        self._runtime.pulse.outcomes(self.name, [outcome.state for outcome in outcomes])
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
