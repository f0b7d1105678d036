"""Calls going on, as staff follow them: each step at once, and the words as they grow every few moments.

What callers say grows many times a second. So words are only noted, and written for all calls together in one change
that gives way to whatever else waits for the store; a call that says nothing new is not written. A call nobody holds
any more (its process died, or forgot it) is not renewed and ends when its lease is over.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog

from gateway import clock
from gateway.runtime import Runtime
from store import calls
from store.calls import Call, Words

# Seconds between two writes of growing words.
WRITE_EVERY = 0.3
# For how long a call is held by the process that hears it, and how often it holds it longer.
LEASE = timedelta(seconds=30)
RENEW = 10.0
# The same for a call that comes back to us only between what the carrier plays and records.
PATIENT_LEASE = timedelta(minutes=12)
# What is kept of a long call: the newest of it. The recording has all.
MOST_PIECES = 200
LONGEST_PIECE = 2000

log = structlog.get_logger()


class OnTheLine:
    """One call, kept up by whoever leads it (`channels.handed.OnTheLine`)."""

    def __init__(self, calling: "Calling", call: Call) -> None:
        self._calling = calling
        self.call = call
        self.lease = LEASE if call.live else PATIENT_LEASE

    async def step(self, name: str, *, language: str | None = None, within: float | None = None) -> None:
        """Note where the conversation is now, in which language when that was chosen, and when it goes on at last."""
        if within is not None:
            self.lease = min(timedelta(seconds=within), PATIENT_LEASE)
        if within is not None or (name, language or self.call.language) != (self.call.step, self.call.language):
            self.call = replace(self.call, step=name[:32], language=language or self.call.language)
            await self._calling.write_now(self)

    def hearing(self, text: str, final: bool) -> None:
        """Note what is being said, or what was said."""
        known, text = self.call.words, text.strip()[-LONGEST_PIECE:]
        if not final:
            words = Words(known.settled, text)
        else:
            words = Words((*known.settled, *([text] if text else []))[-MOST_PIECES:])
        if words != known:
            self.call = replace(self.call, words=words)
            self._calling.note(self)

    async def kept(self, ticket: str) -> None:
        """Note the post that was made of it."""
        self.call = replace(self.call, ticket=ticket[:8])
        await self._calling.write_now(self)

    async def ended(self, how: str) -> None:
        """Note that it is over."""
        if self.call.ended_at is None:
            words = Words((*self.call.words.settled, *filter(None, [self.call.words.partial])))
            self.call = replace(self.call, ended_at=clock.now(), how=how[:32], words=words)
            await self._calling.write_now(self)


class Calling:
    """The calls of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # Weakly: a call that whoever led it has let go of must not look as if it went on.
        self._held: WeakValueDictionary[str, OnTheLine] = WeakValueDictionary()
        self._unwritten: dict[str, OnTheLine] = {}
        self._noted = asyncio.Event()

    async def begin(
        self, channel: str, external_id: str, *, line: str | None, language: str, address: str | None, live: bool
    ) -> OnTheLine:
        """A call that begins or, known by its carrier's id, goes on. Raises `TooMany`."""
        runtime, at = self._runtime, clock.now()
        new = Call(
            id=clock.new_id(),
            channel=channel,
            external_id=external_id[:128],
            line=line[:64] if line else None,
            caller=runtime.vault.lookup(address) if address else None,
            language=language,
            live=live,
            step="greeting",
            begun_at=at,
            changed_at=at,
            holder=runtime.database.holder,
            lease_until=at + (LEASE if live else PATIENT_LEASE),
        )
        most = runtime.settings.calls.most_at_once
        kept = await runtime.database.write(lambda tx: calls.begin(tx, runtime.vault, new, most))
        made = OnTheLine(self, kept)
        self._held[kept.id] = made
        return made

    def note(self, line: OnTheLine) -> None:
        """Have a call written with the next ones."""
        self._unwritten[line.call.id] = line
        self._noted.set()

    async def write_now(self, line: OnTheLine) -> None:
        """Write a call as it stands now. When the store cannot, the caller is served all the same, and it is written
        with the next ones."""
        self.note(line)
        try:
            await self.write(line.call.id)
        except Exception:
            log.exception("a call could not be noted", action="calls.failed", call=line.call.id)

    async def write(self, *ids: str) -> None:
        """Write the calls of which something was noted: some, or all of them."""
        due = {one: line for one in ids or list(self._unwritten) if (line := self._unwritten.pop(one, None))}
        runtime, at = self._runtime, clock.now()
        for line in due.values():
            line.call = replace(line.call, changed_at=at, lease_until=at + line.lease)
        rows = [line.call for line in due.values()]
        if not rows:
            return
        put = runtime.database.write if ids else runtime.database.write_patiently
        try:
            await put(lambda tx: calls.write(tx, runtime.vault, rows))
        except BaseException:
            self._unwritten = {**due, **self._unwritten}
            raise
        for line in due.values():
            if line.call.ended_at is not None:
                self._held.pop(line.call.id, None)

    async def run(self) -> None:
        """Write what is noted and hold what goes on, until cancelled."""
        renewed = asyncio.get_running_loop().time()
        while True:
            try:
                async with asyncio.timeout(RENEW):
                    await self._noted.wait()
                await asyncio.sleep(WRITE_EVERY)
            except TimeoutError:
                pass
            self._noted.clear()
            try:
                await self.write()
                if asyncio.get_running_loop().time() - renewed >= RENEW:
                    await self.renew()
                    renewed = asyncio.get_running_loop().time()
            except Exception:
                log.exception("calls could not be written", action="calls.failed")
                self._noted.set()

    async def renew(self) -> None:
        """Hold longer what this process hears."""
        ids = [line.call.id for line in list(self._held.values()) if line.call.live and line.call.ended_at is None]
        if ids:
            until = clock.now() + LEASE
            await self._runtime.database.write(lambda tx: calls.renew(tx, ids, until))
