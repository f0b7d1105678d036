"""Plays the sample city's past into an empty store, event by event, through the same functions that a real day uses.

The clock is moved from event to event, so that what is counted by days, working hours and months has something to
count. Nothing of it leaves the process: lines whose carrier is only simulated take in, and send nothing yet.
"""

import heapq
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from gateway import clock
from gateway.casework import cases, handling
from gateway.casework.deadlines import Span
from gateway.demo import furnishing
from gateway.desk import Desk
from gateway.journey import broadcasting, delivery, indexing, moderation
from gateway.runtime import Runtime
from gateway.schema import Action, CaseStep, Incoming, Place, Progress
from store import cases as case_rows
from store import changes
from store.accounts import Account, Role

CITY = Path(__file__).with_name("city.toml")
DAYS = 62
A_DAY = 6
PEOPLE = 160
# Which lines people use, and how many of ten.
LINES = ("web_form",) * 3 + ("sms_twilio",) * 3 + ("voice_twilio",) * 2 + ("web_chat",) * 2
ADMINISTRATOR = "demo"
MODERATOR = "孙丽"
# How many of those who are asked give a mark, and what is said when a case was opened again by one.
MARKING = 0.45
AGAIN = "已再次到现场处理并复查，给您带来的不便深表歉意。"
# When what was published that day is shown: each time would take longer than all the rest.
EVENING = time(23, 30)
# The same city each time.
SEED = 20261126

Event = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Author:
    """Whoever said something, and on which line."""

    line: str
    address: str


@dataclass(frozen=True, slots=True)
class Story:
    """One thing people say, and how its department answers."""

    category: str
    texts: tuple[str, ...]
    answers: tuple[str, ...]


class Telling:
    """The past of one city, so many days long, until now."""

    def __init__(self, runtime: Runtime, days: int = DAYS) -> None:
        self._days = days
        known = tomllib.loads(CITY.read_text(encoding="utf-8"))
        self._runtime, self._desk = runtime, Desk(runtime)
        self._places: list[str] = known["places"]
        self._departments: dict[str, Any] = known["departments"]
        self._stories = [Story(one["category"], tuple(one["texts"]), tuple(one["answers"])) for one in known["stories"]]
        self._chance = Random(SEED)  # a story, not a secret
        self._until = clock.now()
        self._events: list[tuple[datetime, int, Event]] = []
        self._number = 0

    def staff(self) -> list[tuple[str, Role, str | None]]:
        """Who works in the city: name, role, and the department of those who are bound to one."""
        officers = [(one["officer"], Role.OFFICER, slug) for slug, one in self._departments.items()]
        return [(ADMINISTRATOR, Role.ADMINISTRATOR, None), (MODERATOR, Role.MODERATOR, None), *officers]

    async def tell(self) -> None:
        """Everything that happened, in its order."""
        zone = self._runtime.settings.city.zone
        first = self._until.astimezone(zone).date() - timedelta(days=self._days)
        for day in (first + timedelta(days=number) for number in range(self._days + 1)):
            self._later(datetime.combine(day, EVENING, zone), self._send)
            for _ in range(self._chance.randint(A_DAY - 3, A_DAY + 3)):
                minute = int(self._chance.triangular(6 * 60, 23 * 60, 10 * 60))
                at = datetime.combine(day, time(minute // 60, minute % 60, self._chance.randrange(60)), zone)
                self._later(at, self._say)
        morning = datetime.combine(first + timedelta(days=1), time(9), zone)
        self._later(morning, self._write_services)
        try:
            while self._events:
                at, _, event = heapq.heappop(self._events)
                clock.replace(now=lambda at=at: at)  # type: ignore[misc]  # of this turn
                await event()
        finally:
            clock.replace()
        await furnishing.begin_campaign(self._runtime, ADMINISTRATOR)
        await furnishing.keep_watch(self._runtime, (MODERATOR, ADMINISTRATOR))
        await self._send()

    def _later(self, at: datetime, event: Event) -> None:
        """Have something happen at a moment, unless that is still to come."""
        self._number += 1
        if at <= self._until:
            heapq.heappush(self._events, (at, self._number, event))

    async def _write_services(self) -> None:
        await furnishing.write_services(self._runtime, furnishing.chief(ADMINISTRATOR), self._until)

    async def _say(self) -> None:
        story = self._chance.choices(self._stories, [3, 4, 4, 3, 2, 2, 1])[0]
        place, number = self._chance.choice(self._places), self._chance.randint(1, 120)
        text = self._chance.choice(story.texts).format(place=place, number=number)
        line, person = self._chance.choice(LINES), self._chance.randrange(PEOPLE)
        address = f"web:demo{person:028x}" if line.startswith("web") else f"tel:+86138{person:08}"
        said = Incoming(
            channel=line,
            external_id=clock.new_id(),
            text=text,
            received_at=clock.now(),
            address=address,
            category=story.category if line == "web_form" else None,
            place=Place(name=f"{place}{number}号") if line == "web_form" else Place(),
            commands=line != "web_form",
        )
        taken = await self._desk.take(said)
        if taken.post_id and taken.ticket:
            post_id, ticket = taken.post_id, taken.ticket
            waits = timedelta(seconds=self._chance.triangular(4, 240, 15))
            author = Author(line, address)
            self._later(clock.now() + waits, lambda: self._decide(post_id, ticket, story, author))

    async def _decide(self, post_id: str, ticket: str, story: Story, author: Author) -> None:
        while await indexing.some(self._runtime):
            pass
        if await furnishing.join_alike(self._runtime, ticket, MODERATOR):
            return
        if self._chance.random() < 0.06:
            await moderation.decide(self._runtime, post_id, Action.REJECT, actor=MODERATOR, reason="duplicate")
            return
        await moderation.decide(self._runtime, post_id, Action.PUBLISH, actor=MODERATOR)
        async with self._runtime.database.reading() as connection:
            case = await case_rows.find(connection, post_id)
        if case is None or case.department not in self._departments:
            return
        department = case.department
        usual, most = self._departments[department]["hours"]
        hours = self._chance.triangular(0.5, most, usual)
        self._later(self._working(min(hours / 3, 1.5)), lambda: self._accept(ticket, department))
        if self._chance.random() < 0.97:
            self._later(self._working(hours), lambda: self._answer(ticket, department, story, author))

    async def _accept(self, ticket: str, department: str) -> None:
        await handling.take(self._runtime, ticket, handling.Wanted(CaseStep.ACCEPT), self._officer(department))

    async def _answer(self, ticket: str, department: str, story: Story, author: Author) -> None:
        text, officer = self._chance.choice(story.answers), self._departments[department]["officer"]
        await cases.answer(self._runtime, ticket, text, department, actor=officer, own=department)
        if self._chance.random() < MARKING:
            waits = timedelta(hours=self._chance.triangular(0.2, 40, 3))
            good = self._chance.random() < self._departments[department]["solved"]
            mark = self._chance.choice((4, 5, 5) if good else (1, 2, 3))
            self._later(clock.now() + waits, lambda: self._mark(ticket, mark, author))

    async def _mark(self, ticket: str, mark: int, author: Author) -> None:
        """Its author says what he thinks of the answer; a bad mark opens the case again, once."""
        said = f"MARK {ticket} {mark}"
        incoming = Incoming(author.line, clock.new_id(), said, clock.now(), address=author.address)
        await self._desk.take(incoming)
        async with self._runtime.database.reading() as connection:
            post = await changes.load(connection, ticket)
            case = await case_rows.find(connection, post.id)
        if case and case.progress is Progress.REOPENED and case.department:
            department = case.department
            self._later(self._working(4), lambda: self._accept(ticket, department))
            self._later(self._working(12), lambda: self._answer_again(ticket, department))

    async def _answer_again(self, ticket: str, department: str) -> None:
        officer = self._departments[department]["officer"]
        await cases.answer(self._runtime, ticket, AGAIN, department, actor=officer, own=department)

    def _officer(self, department: str) -> Account:
        name: str = self._departments[department]["officer"]
        return Account(id=name, name=name, role=Role.OFFICER, department=department)

    def _working(self, hours: float) -> datetime:
        """The moment when so many working hours from now are over."""
        return self._runtime.settings.calendar.after(clock.now(), Span(timedelta(hours=hours), True))

    async def _send(self) -> None:
        """Show what was published; nothing of it leaves this process."""
        while await broadcasting.expand_some(self._runtime):
            pass
        for channel in self._runtime.timelines():
            line = delivery.Line(self._runtime, channel)
            while await line.step():
                await line.finish()
