"""What all of the sample city's story shares: its words, its chance, and the clock that goes from event to event."""

import heapq
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from gateway import clock
from gateway.casework.deadlines import Span
from gateway.desk import Desk
from gateway.runtime import Runtime
from store import accounts
from store.accounts import Account, Role

CITY = Path(__file__).with_name("city.toml")
YEAR = range(1, 13)
# The same city each time.
SEED = 20261126

Event = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Story:
    """One thing people say, in each language, and how its department answers; `words` are those of `city.toml`."""

    category: str
    department: str
    weight: int
    words: Mapping[str, Any]
    picture: str | None
    private: bool
    lies: bool


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who works in the city; the department of those who are bound to one, and who is its head."""

    name: str
    role: Role
    department: str | None = None
    head: bool = False


def read() -> dict[str, Any]:
    """What stands in `city.toml`."""
    return tomllib.loads(CITY.read_text(encoding="utf-8"))


def crew(known: Mapping[str, Any]) -> list[Worker]:
    """Who works in the city; each needs an account before it is told."""
    staff = known["staff"]
    people = [Worker(staff["administrator"], Role.ADMINISTRATOR)]
    people += [Worker(name, Role.MODERATOR) for name in staff["moderators"]]
    people.append(Worker(staff["supervisor"], Role.OFFICER))
    for slug, one in known["departments"].items():
        people += [Worker(name, Role.OFFICER, slug, number == 0) for number, name in enumerate(one["officers"])]
    return people


@dataclass(slots=True)
class Stage:
    """One city in the making: `until` is the present, up to which it is told."""

    runtime: Runtime
    desk: Desk
    until: datetime
    known: Mapping[str, Any] = field(default_factory=read)
    chance: Random = field(default_factory=lambda: Random(SEED))  # a story, not a secret
    staff: dict[str, Account] = field(default_factory=dict)
    _events: list[tuple[datetime, int, Event]] = field(default_factory=list)
    _number: int = 0

    @property
    def stories(self) -> list[Story]:
        """All that is said in this city at this time of the year."""
        month = clock.now().astimezone(self.runtime.settings.city.zone).month
        told = [one for one in self.known["stories"] if month in one.get("months", YEAR)]
        return [
            Story(
                one["category"],
                one["department"],
                one["weight"],
                {language: one[language] for language in ("zh", "en") if language in one},
                one.get("picture"),
                one.get("private", False),
                one.get("lies", False),
            )
            for one in told
        ]

    @property
    def today(self) -> date:
        """The day of the city on which the telling ends."""
        return self.until.astimezone(self.runtime.settings.city.zone).date()

    @property
    def administrator(self) -> Account:
        """Who may do all."""
        return self.staff[self.known["staff"]["administrator"]]

    @property
    def supervisor(self) -> Account:
        """Who decides between departments."""
        return self.staff[self.known["staff"]["supervisor"]]

    @property
    def moderator(self) -> str:
        """Whoever decides next what is shown."""
        names: list[str] = self.known["staff"]["moderators"]
        return self.chance.choice(names)

    async def meet(self) -> None:
        """Learn who of the crew is there by now."""
        async with self.runtime.database.reading() as connection:
            for worker in crew(self.known):
                if found := await accounts.named(connection, worker.name):
                    self.staff[worker.name] = found.account

    def officers(self, department: str) -> list[Account]:
        """Those of a department, its head first."""
        return [self.staff[name] for name in self.known["departments"][department]["officers"]]

    def at(self, day: date, minutes: float) -> datetime:
        """A moment of a day of the city, so many minutes after its midnight."""
        midnight = datetime.combine(day, time(), self.runtime.settings.city.zone)
        return midnight + timedelta(minutes=minutes)

    def working(self, hours: float) -> datetime:
        """The moment when so many working hours from now are over."""
        return self.runtime.settings.calendar.after(clock.now(), Span(timedelta(hours=hours), True))

    def within(self, shortest: float, longest: float, usual: float) -> datetime:
        """A moment some minutes from now."""
        return clock.now() + timedelta(minutes=self.chance.triangular(shortest, longest, usual))

    def happens(self, share: float) -> bool:
        """Whether what happens so often (of 1) happens now."""
        return self.chance.random() < share

    def later(self, at: datetime, event: Event) -> None:
        """Have something happen at a moment, unless that is still to come."""
        self._number += 1
        if at <= self.until:
            heapq.heappush(self._events, (at, self._number, event))

    async def play(self) -> None:
        """Let everything happen in its order, each at its moment."""
        try:
            while self._events:
                at, _, event = heapq.heappop(self._events)
                clock.replace(now=lambda at=at: at)  # type: ignore[misc]  # of this turn
                await event()
        finally:
            clock.replace()
