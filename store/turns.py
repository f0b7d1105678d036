"""What waits for the writer: pressing jobs in their order, and patient ones, which let the others pass.

A patient job is a piece of something long: it can be cut short, and goes on in the next piece. So that it comes to its
end however much is pressing, nobody passes one that has been passed for `PATIENCE` seconds.
"""

import asyncio
import time
from collections import deque
from typing import Generic, TypeVar

Job = TypeVar("Job")

MOST_AT_ONCE = 512
PATIENCE = 0.05
# For how long (s) a commit waits for as many requests as the last one had. A full batch costs a quarter less for each
# than two halves that hold each other up.
SIBLINGS_WITHIN = 0.004


class Turns(Generic[Job]):
    """Two queues in front of one writer."""

    def __init__(self) -> None:
        self._pressing: deque[Job] = deque()
        self._patient: deque[tuple[float, Job]] = deque()
        self._rung = asyncio.Event()
        self._closed = False
        # How many more than one requests the last commit held.
        self.siblings = 0

    @property
    def pressing(self) -> int:
        """How many jobs wait and are not patient. May be asked from any thread."""
        return len(self._pressing)

    def put(self, job: Job, *, patient: bool = False) -> None:
        """Add a job behind those of its kind."""
        if patient:
            self._patient.append((time.monotonic(), job))
        else:
            self._pressing.append(job)
        self._rung.set()

    def close(self) -> None:
        """Say that no more will come."""
        self._closed = True
        self._rung.set()

    async def next(self) -> list[Job]:
        """The jobs of the next commit: all that press, or one patient job alone. Empty at the end."""
        while not (self._pressing or self._patient or self._closed):
            self._rung.clear()
            await self._rung.wait()
        if self._patient and (not self._pressing or self._passed_over()):
            return [self._patient.popleft()[1]]
        await self._gather()
        return self.take()

    def take(self) -> list[Job]:
        """All that presses now. May be called from any thread, while nobody awaits `next`."""
        return [self._pressing.popleft() for _ in range(min(len(self._pressing), MOST_AT_ONCE))]

    def _passed_over(self) -> bool:
        return time.monotonic() - self._patient[0][0] > PATIENCE

    async def _gather(self) -> None:
        """Let what is just arriving join the next commit: as long as more comes with each turn of the loop.

        Those who were answered with the last commit may come again at once: as many are waited for, but not for long,
        and not while a patient job could use the time.
        """
        loop, before = asyncio.get_running_loop(), -1
        until = loop.time() + SIBLINGS_WITHIN
        while before < self.pressing < MOST_AT_ONCE:
            before = self.pressing
            await asyncio.sleep(0)
            while before == self.pressing < self.siblings and not self._patient and loop.time() < until:  # noqa: ASYNC110  (a bound)
                await asyncio.sleep(SIBLINGS_WITHIN / 8)
