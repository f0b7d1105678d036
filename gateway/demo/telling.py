"""Plays the sample city's past into an empty store, event by event, through the same functions that a real day uses.

The clock is moved from event to event, so that what is counted by days, working hours and months has something to
count. Nothing of it leaves the process: lines whose carrier is only simulated take in, and send nothing yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from channels.base import DeliveryKind
from gateway.casework import assessing, bulletins, daybook, handling, months, reminding, satisfaction
from gateway.demo import furnishing
from gateway.demo.campaigning import Campaigning
from gateway.demo.citizens import TEXTING, Citizens, Thread
from gateway.demo.staff import Staff
from gateway.demo.stage import Stage
from gateway.desk import Desk
from gateway.journey import delivery, expanding, indexing, media
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_incoming import Outcome

DAYS = 62
# Reports a day, and how many of them somebody else makes too.
FEWEST, MOST = 3, 9
REPEATED = 0.08
ASKED_A_DAY = 2
# When people speak, in minutes of the day.
EARLIEST, USUAL, LATEST = 6 * 60, 10 * 60, 23 * 60
# When what was published that day is shown: each time would take longer than all the rest.
EVENING = 23 * 60 + 30
# What reaches its reader without leaving the process.
SHOWN = (DeliveryKind.TIMELINE, DeliveryKind.MAILBOX)
# The hours at which the scheduler looks at deadlines, and what the radio says is made.
HOURS = range(8, 20)
BULLETINS = (9 * 60, 19 * 60)
BULLETIN_DAYS = 2
# On which day of the next month a supervisor judges one, before it is frozen.
JUDGED_ON = 3
# Of a shorter part of a month there is too little to judge.
JUDGED = timedelta(days=5)
# What nobody has decided yet came so many minutes ago, one after the other.
WAITS, APART = 12, 2
# What nobody can use, and why it is turned away.
USELESS = (("spam", "advertising"), ("unclear", "unclear"))
# Since when followers know what is out of order just now.
NEWS = timedelta(hours=20)
# Since when one lies between two departments.
LYING = timedelta(days=5)


class Telling:
    """The past of one city, so many days long, until a moment."""

    def __init__(self, runtime: Runtime, days: int, until: datetime) -> None:
        self._runtime, self._days = runtime, days
        self._stage = Stage(runtime, Desk(runtime), until)
        self._first = self._stage.today - timedelta(days=days)
        self._citizens = Citizens(self._stage, lambda post_id: self._staff.hear_more(post_id))
        self._staff = Staff(self._stage, self._citizens)

    async def organise(self) -> None:
        """Found the city's departments; then its staff need their accounts."""
        await furnishing.organise(self._stage)

    async def tell(self) -> None:
        """Everything that happened, in its order."""
        stage = self._stage
        await stage.meet()
        self._furnish(self._first)
        for day in (self._first + timedelta(days=number) for number in range(self._days + 1)):
            self._live(day)
        Campaigning(stage, self._citizens).plan(self._days)
        self._end()
        await stage.play()

    def _furnish(self, first: date) -> None:
        """What is kept in the console, before anything else happens."""
        stage = self._stage
        stage.later(stage.at(first, 8 * 60 + 40), lambda: furnishing.write_templates(stage))
        furnishing.write_services(stage, first)

    def _live(self, day: date) -> None:
        """One day of the city."""
        stage, chance = self._stage, self._stage.chance
        for _ in range(chance.randint(FEWEST, MOST)):
            stage.later(stage.at(day, chance.triangular(EARLIEST, LATEST, USUAL)), self._report)
        asked = stage.known["asked"]
        for _ in range(ASKED_A_DAY):
            words = chance.choice(asked["told"] if stage.happens(0.7) else asked["in_vain"])
            at = stage.at(day, chance.triangular(EARLIEST, LATEST, USUAL))
            stage.later(at, lambda words=words: self._citizens.say(chance.choice(TEXTING), words))  # type: ignore[misc]
        for useless, reason in USELESS:
            if stage.happens(stage.known[useless]["share"] * MOST):
                at, texts = stage.at(day, chance.uniform(EARLIEST, LATEST)), stage.known[useless]["texts"]
                stage.later(at, lambda texts=texts, reason=reason: self._waste(texts, reason))  # type: ignore[misc]
        for hour in HOURS:
            stage.later(stage.at(day, hour * 60), self._look)
        if day >= stage.today - timedelta(days=BULLETIN_DAYS):
            for minute in BULLETINS:
                stage.later(stage.at(day, minute), lambda: bulletins.keep_up(self._runtime))
        month = months.Month(day.year, day.month) + -1
        if day.day == JUDGED_ON and self._first + JUDGED <= month.last:
            stage.later(stage.at(day, 10 * 60), lambda: furnishing.give_points(stage, month))
        stage.later(stage.at(day, EVENING - 1), lambda: furnishing.read_services(stage))
        stage.later(stage.at(day, EVENING), self._send)

    def _end(self) -> None:
        """The last hours, up to now: what is told, who is on duty, and what waits for a moderator."""
        stage = self._stage
        stage.later(stage.until - LYING, self._leave_lying)
        stage.later(stage.until - NEWS, lambda: furnishing.write_news(stage))
        furnishing.keep_watch(stage)
        for said in stage.known["lately"]:
            at = stage.until - timedelta(hours=said["hours"])
            stage.later(at, lambda said=said: self._happen(said))  # type: ignore[misc]
        first, second = stage.known["alike"]
        stage.later(stage.until - timedelta(hours=3), lambda: self._publish(first))
        waiting = [second, *stage.known["waiting"]]
        for number, said in enumerate(waiting):
            at = stage.until - timedelta(minutes=WAITS) + number * timedelta(minutes=APART)
            stage.later(at, lambda said=said: self._citizens.say_first(said["line"], said["text"]))  # type: ignore[misc]
        stage.later(stage.until, self._close)

    async def _close(self) -> None:
        """What the clock would have done by now."""
        await self._look()
        await assessing.keep_up(self._runtime)
        await daybook.keep_up(self._runtime)
        while await media.work_on_due(self._runtime):
            pass
        await self._send()

    async def _report(self) -> None:
        thread = await self._citizens.report()
        if thread is None:
            return
        self._staff.hear(thread)
        if self._stage.happens(REPEATED) and not thread.story.private:
            self._stage.later(self._stage.within(15, 1200, 120), lambda: self._repeat(thread))

    async def _repeat(self, first: Thread) -> None:
        if again := await self._citizens.repeat(first):
            self._staff.hear(again)

    async def _leave_lying(self) -> None:
        """One goes to whom its words say, is passed on, and taken over by nobody."""
        story = next(story for story in self._stage.stories if story.lies)
        if thread := await self._citizens.report(story):
            self._staff.hear(replace(thread, lies=True))

    async def _waste(self, texts: Sequence[str], reason: str) -> None:
        """Something is said that the filter or a moderator turns away."""
        chance = self._stage.chance
        taken = await self._citizens.say(chance.choice(TEXTING), chance.choice(texts))
        if taken.post_id and taken.state is State.PENDING and taken.outcome is Outcome.POST:
            post_id = taken.post_id
            self._stage.later(self._stage.within(1, 6, 2), lambda: self._staff.turn_away(post_id, reason))

    async def _happen(self, said: Mapping[str, Any]) -> None:
        """One of the last hours' reports, which is answered by now."""
        if thread := await self._citizens.report_lately(said):
            self._staff.settle(thread, self._stage.until - timedelta(hours=said["answered"]), said.get("mark"))

    async def _publish(self, said: Mapping[str, str]) -> None:
        taken = await self._citizens.say_first(said["line"], said["text"])
        if taken.post_id:
            self._staff.hear_more(taken.post_id)

    async def _look(self) -> None:
        """What the scheduler does all day."""
        await handling.resume_answered(self._runtime)
        await reminding.send_due(self._runtime)
        await satisfaction.close_silent(self._runtime)

    async def _send(self) -> None:
        """Show what was published; nothing of it leaves this process."""
        while await indexing.some(self._runtime):
            pass
        while await expanding.expand_some(self._runtime):
            pass
        for channel in self._runtime.channels.values():
            if channel.capabilities.delivery not in SHOWN:
                continue
            line = delivery.Line(self._runtime, channel)
            while await line.step():
                await line.finish()
