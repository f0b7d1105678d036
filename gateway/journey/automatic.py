"""Step 4 without a person: in the mode that staff chose, a rule publishes what nothing is held against.

By hand nothing is. With trusted citizens their words are, when their line is proved and their record clean; else all
that no list of the filter holds. Whatever waited already when the mode was switched stays with the moderators, and so
do emergencies, photos, what somebody undid, and the second of two that say the same. Each such decision is the rule's
in the history, with the mode as its reason.
"""

import asyncio
from collections import OrderedDict
from datetime import timedelta
from enum import StrEnum

import structlog

from gateway import clock
from gateway.errors import Conflict, EverylineError
from gateway.journey import moderation, sameness
from gateway.runtime import Runtime
from gateway.schema import Action, State
from store import audit, modes, posts, record
from store.database import Transaction
from store.modes import Candidate, Switched

LOOK_EVERY = 5.0
# Many changes in a moment are looked at once.
GATHER = 0.3
# Older posts are left to people; their words may be stale.
WITHIN = timedelta(hours=1)
AT_ONCE = 100
# How many published posts a new one may not repeat, and how many untrusted posts are remembered.
COMPARED = 100
REMEMBERED = 10_000
REASON = "mode:"

log = structlog.get_logger()


class Mode(StrEnum):
    """What is published without a person."""

    BY_HAND = "by_hand"
    TRUSTED = "trusted"
    CLEAN = "clean"


async def in_force(runtime: Runtime) -> tuple[Mode, Switched | None]:
    """The mode in force; with who switched it and when, unless it is as it is set."""
    async with runtime.database.reading() as connection:
        switched = await modes.switched(connection)
    return Mode(switched.mode if switched else runtime.settings.moderation.mode), switched


async def switch(runtime: Runtime, mode: Mode, *, actor: str) -> None:
    """Switch the mode for all processes; noted in the audit log."""

    async def work(transaction: Transaction) -> None:
        await modes.switch(transaction, mode, actor, clock.now())
        await audit.note(transaction, actor, "moderation mode", mode)

    await runtime.database.write(work)


class Automatic:
    """Decides for one process. Several may run: whoever is second finds the post decided."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # Posts, in the version they were looked at, that are left to people.
        self._left: OrderedDict[tuple[str, int], None] = OrderedDict()

    async def run(self) -> None:
        """Decide what comes, until cancelled."""
        bells = self._runtime.database.wakeups
        queue, switched = bells.bell("queue"), bells.bell(modes.SWITCHED)
        while True:
            try:
                mode, _ = await in_force(self._runtime)
                if mode is not Mode.BY_HAND:
                    await self.decide_some()
            except Exception:
                log.exception("the automatic mode stumbled", action="automatic.failed")
                mode = Mode.BY_HAND
            await (switched if mode is Mode.BY_HAND else queue).wait(LOOK_EVERY)
            await asyncio.sleep(GATHER)

    async def decide_some(self) -> int:
        """Decide what waits and may be decided; gives how many were published."""
        mode, switched = await in_force(self._runtime)
        if mode is Mode.BY_HAND:
            return 0
        begin = clock.now() - WITHIN
        begin = max(begin, switched.at) if switched else begin
        surely_heard = self._runtime.settings.moderation.surely_heard
        async with self._runtime.database.reading() as connection:
            found = await modes.candidates(connection, begin, surely_heard, AT_ONCE)
            shown = [post.text for post in (await posts.published(connection, limit=COMPARED))[0]] if found else []
        number = 0
        for candidate in reversed(found):
            if (candidate.id, candidate.version) in self._left:
                continue
            repeats = any(sameness.alike(candidate.text, text) for text in shown)
            if repeats or (mode is Mode.TRUSTED and not await self._is_trusted(candidate)):
                self._leave(candidate)
            elif await self._publish(candidate, mode):
                shown.append(candidate.text)
                number += 1
        return number

    async def _is_trusted(self, candidate: Candidate) -> bool:
        if candidate.citizen_id is None:
            return False
        async with self._runtime.database.reading() as connection:
            known = await record.of_citizen(connection, candidate.citizen_id)
        enough = self._runtime.settings.moderation.trusted_after
        return bool(
            known
            and known.proved
            and not known.against
            and not known.states.get(State.WITHDRAWN)
            and known.states.get(State.PUBLISHED, 0) >= enough
        )

    async def _publish(self, candidate: Candidate, mode: Mode) -> bool:
        reason, version = f"{REASON}{mode}", candidate.version
        try:
            await moderation.decide(
                self._runtime, candidate.id, Action.PUBLISH, actor="rule", reason=reason, version=version
            )
        except Conflict:
            return False  # somebody was faster
        except EverylineError as error:
            log.warning("a post cannot be published by rule", action="automatic.refused", error=str(error))
            self._leave(candidate)
            return False
        log.info("published by rule", action="automatic.published", post=candidate.id, mode=mode)
        return True

    def _leave(self, candidate: Candidate) -> None:
        self._left[(candidate.id, candidate.version)] = None
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
