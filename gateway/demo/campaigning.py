"""The sample city's phrases of the day: a campaign that is over and was drawn, and one that goes on."""

from datetime import date, timedelta
from typing import Any

from gateway.casework import campaigns, draws, phrase_of_the_day
from gateway.demo.citizens import TEXTING, Citizens
from gateway.demo.stage import Stage

LONGEST = 14
WINNERS, CODES = 3, 20
# When it is told, by the city's clock, and the minutes of the day between which people send it back.
TOLD = "07:00"
EARLIEST, USUAL, LATEST = 7 * 60 + 2, 12 * 60, 24 * 60 - 1
FEWEST, MOST = 4, 12


class Campaigning:
    """Runs both of them, day by day."""

    def __init__(self, stage: Stage, citizens: Citizens) -> None:
        self._stage, self._citizens = stage, citizens
        self._ids: dict[str, str] = {}

    def plan(self, days: int) -> None:
        """Have both happen in the last half of so many days."""
        length = max(1, min(LONGEST, days // 4))
        going = self._stage.today - timedelta(days=min(length, LONGEST // 2))
        over = going - timedelta(days=length + 1)
        self._plan("over", over, length)
        self._plan("going", going, LONGEST)
        drawn = self._stage.at(over + timedelta(days=length), 10 * 60)
        self._stage.later(drawn, self._draw)

    def _plan(self, name: str, first: date, length: int) -> None:
        stage = self._stage
        stage.later(stage.at(first, 1), lambda: self._begin(name, first, length))
        for turn in range(length):
            day = first + timedelta(days=turn)
            stage.later(stage.at(day, EARLIEST - 1), lambda: phrase_of_the_day.keep_up(stage.runtime))
            for _ in range(stage.chance.randint(FEWEST, MOST)):
                at = stage.at(day, stage.chance.triangular(EARLIEST, LATEST, USUAL))
                stage.later(at, lambda turn=turn: self._send_back(name, turn))  # type: ignore[misc]

    async def _begin(self, name: str, first: date, length: int) -> None:
        stage, actor, said = self._stage, self._stage.administrator.name, self._stage.known["phrase"]
        typed: dict[str, Any] = {
            "slug": said[name]["slug"],
            "name": said[name]["name"],
            "prize": said["prize"],
            "begins_on": first,
            "ends_on": first + timedelta(days=length - 1),
            "publish_at": TOLD,
            "winners": WINNERS,
        }
        made = self._ids[name] = await campaigns.add(stage.runtime, typed, actor=actor)
        lines = [" | ".join((str(first + timedelta(days=turn)), *self._texts(name, turn))) for turn in range(length)]
        await campaigns.fill(stage.runtime, made, "\n".join(lines), actor=actor)
        codes = "\n".join(f"BUS-{said[name]['slug'].upper()}-{number:04}" for number in range(CODES))
        await draws.add_codes(stage.runtime, made, codes, actor=actor)

    async def _send_back(self, name: str, turn: int) -> None:
        said = self._stage.chance.choice(self._texts(name, turn))
        await self._citizens.say(self._stage.chance.choice(TEXTING), said)

    async def _draw(self) -> None:
        await draws.draw(self._stage.runtime, self._ids["over"], actor=self._stage.administrator.name)

    def _texts(self, name: str, turn: int) -> list[str]:
        """The phrase of a campaign's day, in Chinese and in English."""
        known: list[list[str]] = self._stage.known["phrase"][name]["texts"]
        return known[turn % len(known)]
