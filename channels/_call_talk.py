"""One step of a call while it is taken: what to say first, and what to wait for then."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from channels._call_messages import report
from channels._call_state import Call, CallSettings
from channels._call_steps import Step
from channels._turn import End, ForKeys, ForSpeech, Prompt, Transfer, Turn
from channels.desk import Desk
from gateway.schema_incoming import Taken


@dataclass(slots=True)
class Talk:
    """One step being taken: the call as it stands by now, what to say first, and whether to ask where it is. `ask` goes
    to another step, `wrong_key` says that a key does nothing here."""

    desk: Desk
    settings: CallSettings
    call: Call
    ask: Callable[["Talk", Step], Awaitable[tuple[Call, Turn]]]
    wrong_key: Callable[["Talk"], Awaitable[tuple[Call, Turn]]]
    first: list[Prompt] = field(default_factory=list)
    asks_where: bool = False

    def say(
        self, phrase: str, *, whole: bool = False, own: bool = False, language: str | None = None, **values: Any
    ) -> None:
        """Say a phrase before what comes next; `whole`: a key does not cut it short, `own`: it holds his own words."""
        language = language or self.call.language
        self.first.append(Prompt(self.desk.phrase(f"voice_{phrase}", language, values), language, not whole, own))

    def read(self, text: str) -> None:
        """Read what is said of a ticket, which may be for its author alone, in the language its script tells."""
        han = any("\u4e00" <= letter <= "\u9fff" for letter in text)
        self.first.append(Prompt(text, "zh" if han else "en" if text.isascii() else self.call.language, own=True))

    def then(self, step: Step, wanted: ForKeys | ForSpeech | Transfer | End, **changes: Any) -> tuple[Call, Turn]:
        """What was said so far, and what to wait for at a step."""
        return self.call.at(step, **changes), Turn(tuple(self.first), wanted)

    async def keep(self) -> Taken | None:
        """Keep what was said, as a report or as a wish to be called back; what became of it, if there was anything."""
        call, said = self.call, self.call.said
        if said is None:
            return None
        taken = await self.desk.take(report(call, said))
        self.asks_where = taken.asks_where
        self.call = replace(call, said=None, own_voice=False, kept=call.kept + 1, ticket=taken.ticket or call.ticket)
        return taken
