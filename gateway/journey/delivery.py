"""Step 6: each channel's line takes what is due, renders it, sends it, and records what came of it.

A delivery is `sending` on disk before its carrier is called. If the process dies then, or the answer is lost, nobody
knows whether the carrier has it: it becomes `unknown` and is settled by the channel's own means, never sent again
blindly. What follows each failure stands in `outcomes`, how fast and for whom in `pacing`; channels only classify.
"""

import asyncio
import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from channels import failures
from channels.base import Channel, DeliveryKind
from gateway import clock
from gateway.journey import outcomes, pacing
from gateway.journey.breaker import Breaker
from gateway.journey.preparing import Known, Preparer
from gateway.journey.recording import Recorder
from gateway.runtime import Runtime
from gateway.schema_outgoing import DeliveryState, SendResult
from store import deliveries, outbox
from store import outcomes as ends
from store.deliveries import Claimed
from store.outcomes import Recorded

LOOK_EVERY = 2.0
# A line that empties what it holds within so many seconds may hold twice as much.
FAST = 0.2
# A line that may hold so many for each worker answers at once: then a few workers do, with many each.
LOCAL = 64
FEW = 4
# After so many sendings that never waited, others get their turn of the loop.
TURN = 16
ERASED = "erased"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """A claimed delivery in this process's hands, to be sent or only to be settled."""

    claimed: Claimed
    settle: bool = False


class Line:
    """The queue of one channel, its workers, and its pace; nothing here is shared with another channel."""

    def __init__(self, runtime: Runtime, channel: Channel) -> None:
        self.name = channel.name
        self._runtime = runtime
        self._channel = channel
        delivery, tries = runtime.settings.delivery, channel.capabilities.tries
        self._settings = delivery.model_copy(update={"tries": tries}) if tries else delivery
        # Then each address is a system of its own: the trouble of one neither slows nor stops the line.
        self._apart = channel.capabilities.delivery is DeliveryKind.SUBSCRIBERS
        self._bell = runtime.database.wakeups.bell(deliveries.outbox(channel.name))
        # Whether the line may be used at all is for this one to say; it hears of every outcome.
        limits = runtime.settings.health
        self._breaker = Breaker(
            failures=limits.breaker_failures, first=limits.breaker_wait, longest=limits.breaker_longest
        )
        runtime.breakers[channel.name] = self._breaker
        rate = channel.rate()
        self._pace = pacing.Pace(rate / self._settings.processes if rate else None, clock.now())
        self._shares = pacing.Shares()
        self._preparer = Preparer(runtime, channel)
        self._recorder = Recorder(runtime, channel.name, subscribers=self._apart)
        # What goes to one address stays together and in order.
        self._ready: deque[Sequence[Held]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._ahead = self._settings.workers
        self._claimed_at = clock.now()
        self._filled = False

    async def run(self) -> None:
        """Deliver until cancelled; what is being sent then is given its time by `finish`."""
        while True:
            try:
                busy = await self.step()
            except Exception:
                log.exception("the delivery of a channel stumbled", action="delivery.step", channel=self.name)
                busy = False
            if not busy:
                await self._bell.wait(self._pace.wait(clock.now()) or LOOK_EVERY)

    async def finish(self) -> None:
        """Wait for what is being sent and for its being recorded; the caller limits how long."""
        while self._workers:
            await asyncio.wait(self._workers)
        await self._recorder.finish()

    async def step(self) -> bool:
        """Claim what is due, as far as workers are free, and start on it; false when there is nothing to do now."""
        at = clock.now()
        free = self._ahead - len(self._ready) - (len(self._workers) if self._ahead <= self._settings.workers else 0)
        # Claimed by the half dozen, not one by one: a claim is a commit.
        if free * 2 < self._ahead or self._runtime.switches.paused(self.name):
            return False
        free = self._breaker.allowed(at, free)
        if not free:
            return False
        spent = await self._spent(at)
        hold = pacing.held(self._runtime.settings, self._channel, at, spent)
        ranks = pacing.ranks(hold)
        async with self._runtime.database.reading() as connection:
            due = await outbox.next_due(connection, self.name, ranks)
        places = self._pace.messages(at, free if hold else min(free, self._left(spent)))
        sending = places if due.send and due.send <= at else 0
        settling = self._settings.workers if due.settle and due.settle <= at else 0
        taking = await self._claim(at, ranks, sending) if sending else outbox.Taking()
        unknown = await self._claim_unknown(at, settling) if settling else []
        self._ready.extend(_by_address([Held(one) for one in taking.claimed]))
        self._ready.extend(_by_address([Held(one, settle=True) for one in unknown]))
        self._start(len(taking.claimed) == free)
        return bool(unknown) or not taking.empty

    async def _spent(self, at: datetime) -> int:
        """What was spent today, where there is a budget."""
        if self.name not in self._settings.budgets:
            return 0
        async with self._runtime.database.reading() as connection:
            return await ends.spent(connection, self.name, pacing.day(self._runtime.settings, at))

    def _left(self, spent: int) -> int:
        """How many messages may leave at most before the budget is looked at again."""
        left = self._settings.budgets.get(self.name, sys.maxsize) - spent
        return max(1, int(left / self._pace.usual))

    async def _claim(self, at: datetime, ranks: Sequence[int], places: int) -> outbox.Taking:
        def choose(waiting: Mapping[int, int]) -> Mapping[int, int]:
            return self._shares.choose(waiting, places)

        taking = await self._runtime.database.write(
            lambda tx: outbox.claim(tx, self.name, at, self._until(at), places, ranks, choose)
        )
        self._pace.reserve(len(taking.claimed), at)
        return taking

    async def _claim_unknown(self, at: datetime, places: int) -> list[Claimed]:
        return await self._runtime.database.write(
            lambda tx: outbox.claim_unknown(tx, self.name, at, self._until(at), places)
        )

    def _until(self, at: datetime) -> datetime:
        return at + timedelta(seconds=self._settings.lease)

    def _start(self, filled: bool) -> None:
        """Set free workers on what is ready, and note when: that tells how much a line may hold."""
        self._filled = filled
        self._claimed_at = clock.now()
        for _ in range(min(len(self._ready), self._settings.workers - len(self._workers))):
            task = asyncio.create_task(self._work(), name=f"deliver {self.name}")
            self._workers.add(task)
            task.add_done_callback(self._ended)

    async def _work(self) -> None:
        while self._ready:
            group = [one for _ in range(min(self._group(), len(self._ready))) for one in self._ready.popleft()]
            last, claimed_at, filled = not self._ready, self._claimed_at, self._filled
            self._bell.ring()
            await self._handle(group)
            if last:
                self._adapt((clock.now() - claimed_at).total_seconds() if filled else FAST * 3)

    def _group(self) -> int:
        """How many a worker takes at once: on a slow line one, so that each is looked up when its own turn has come;
        on one that never makes anybody wait so many that the looking up costs little."""
        workers = self._settings.workers
        return max(1, self._ahead // (workers if self._ahead < workers * LOCAL else FEW))

    def _adapt(self, took: float) -> None:
        """Hold more of a line that was quick with all it could hold, and again less of one that was not."""
        if self._apart:
            # One that hangs would hold up whoever shares its worker.
            return
        if took < FAST:
            self._ahead = min(max(self._settings.at_once, self._settings.workers), self._ahead * 2)
        elif took > FAST * 2:
            self._ahead = max(self._settings.workers, self._ahead // 2)

    async def _handle(self, group: Sequence[Held]) -> None:
        """Look up what all of them need, then send one after the other."""
        try:
            known = await self._preparer.look_up([one.claimed for one in group])
        except Exception:
            # Nothing of it was begun, and that can be said as soon as the store is back.
            log.exception("deliveries could not be looked up", action="delivery.look", channel=self.name)
            self._put_back(group, "the store was away", clock.now())
            return
        for number, one in enumerate(group):
            at = clock.now()
            paused = self._runtime.switches.paused(self.name)
            if not one.settle and (paused or not self._breaker.allowed(at, 1)):
                why = "paused" if paused else "the line waits"
                self._put_back(group[number:], why, self._breaker.again_at(at))
                return
            self._recorder.note(await self._settle(one.claimed, known) if one.settle else await self._send(one, known))
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)

    async def _send(self, one: Held, known: Known) -> Recorded:
        claimed, at = one.claimed, clock.now()
        if claimed.until and at > claimed.until - timedelta(seconds=self._settings.lease / 2):
            # It waited here so long that its lease might end while it is being sent.
            return outcomes.put_back(claimed, "waited too long", at, at)
        outgoing = self._preparer.outgoing(claimed, known)
        obstacle = known.obstacle(claimed) if outgoing else ERASED
        if outgoing is None or obstacle:
            self._pace.correct(0, at)
            return outcomes.ended(claimed, DeliveryState.DROPPED, at, reason=obstacle)
        units = self._channel.measure(outgoing.text)
        self._pace.correct(units, at)
        self._breaker.started(at)
        try:
            async with asyncio.timeout(self._settings.lease / 2):
                result = await self._channel.send(outgoing)
        except failures.Failure as failure:
            return self._failed(claimed, failure, units)
        except TimeoutError:
            return self._failed(claimed, failures.Unknown("no answer in time"), units)
        except Exception as error:
            log.exception("a channel failed in no known way", action="delivery.crash", channel=self.name)
            return self._failed(claimed, failures.Unknown(type(error).__name__), units)
        return self._sent(claimed, result, units)

    async def _settle(self, claimed: Claimed, known: Known) -> Recorded:
        """Ask what became of an attempt, also of one to somebody who said STOP since."""
        outgoing = self._preparer.outgoing(claimed, known)
        if outgoing is None:
            return outcomes.ended(claimed, DeliveryState.DROPPED, clock.now(), reason=ERASED)
        try:
            async with asyncio.timeout(self._settings.lease / 2):
                result = await self._channel.settle(outgoing, claimed.started_at)
        except (failures.Failure, TimeoutError) as error:
            return outcomes.unsettled(claimed, error, clock.now())
        except Exception as error:
            log.exception("a channel failed in no known way", action="delivery.crash", channel=self.name)
            return outcomes.unsettled(claimed, error, clock.now())
        return self._sent(claimed, result, 0) if result else outcomes.never_had(self._settings, claimed, clock.now())

    def _sent(self, claimed: Claimed, result: SendResult, units: int) -> Recorded:
        receipts = self._channel.capabilities.receipts and not result.final
        state = DeliveryState.SENT if receipts else DeliveryState.DELIVERED
        self._breaker.answered()
        self._runtime.pulse.outcomes(self.name, [state])
        day = pacing.day(self._runtime.settings, claimed.started_at)
        return outcomes.ended(claimed, state, clock.now(), carrier_id=result.carrier_id, units=units, day=day)

    def _failed(self, claimed: Claimed, failure: failures.Failure, units: int) -> Recorded:
        at = clock.now()
        outcome, _ = outcomes.failed(self._settings, claimed, failure, at)
        if not self._apart:
            self._breaker.heard(failure, outcome.due_at, at)
        self._runtime.pulse.outcomes(self.name, [outcome.state])
        if outcome.state is not DeliveryState.UNKNOWN:
            return outcome
        # It may be at the carrier, and then it costs what it costs.
        return replace(outcome, units=units, day=pacing.day(self._runtime.settings, claimed.started_at))

    def _put_back(self, group: Sequence[Held], reason: str, due_at: datetime) -> None:
        """Give back what was claimed and not begun. An unknown is only asked for again when its time has come."""
        at = clock.now()
        for one in group:
            if not one.settle:
                self._pace.correct(0, at)
                self._recorder.note(outcomes.put_back(one.claimed, reason, at, due_at))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._workers.discard(task)
        self._bell.ring()
        if not task.cancelled() and (error := task.exception()):
            # Their leases will end and they become unknown; nothing is sent twice for it.
            log.error("a worker of a channel died", action="delivery.worker", channel=self.name, error=repr(error))


def _by_address(held: Sequence[Held]) -> Iterable[Sequence[Held]]:
    """What is for one address together, in the order of its first; what is for everybody alone."""
    found: defaultdict[object, list[Held]] = defaultdict(list)
    for one in held:
        found[one.claimed.address_id or one.claimed.id].append(one)
    return found.values()
