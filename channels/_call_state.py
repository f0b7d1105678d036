"""All that is known of a call, and what a hotline can be set to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import Field

from channels._call_steps import Step
from channels._turn import Said
from channels.base import ChannelSettings


class CallSettings(ChannelSettings):
    """What every hotline can be set to: seconds of the longest report and of the silence that ends one; the number of
    the person on duty ("": nobody, and callers are called back), and for how long it rings; the number that whoever is
    in danger is put through to ("": he is only told whom to call)."""

    longest: int = Field(120, ge=5, le=3600)
    silence: int = Field(4, ge=1, le=60)
    person: str = Field("", pattern=r"^(\+[1-9][0-9]{6,14})?$")
    person_seconds: int = Field(25, ge=5, le=120)
    emergency: str = Field("", pattern=r"^(\+[1-9][0-9]{6,14}|[0-9]{2,6})?$")


@dataclass(frozen=True, slots=True)
class Call:
    """All that is known of one call. `address` is the caller's URN, None when withheld; `line` our number.

    `tries` counts what led nowhere in a row. `said` was said and is not kept yet, `asks_back` says that it asks to be
    called back, `own_voice` that the radio may play it; `unasked` is the post of which that is still to be asked.
    `ticket` is the last report's of this call, `asked` the one whose state is being read, `about` the one that what is
    said now is added to. `offered` are the services under the keys, `skipped` how many are before them in
    the list (None: a word found them), `more` whether it goes on; `service` is the one that was read. `live` is a call
    whose words are understood as they are spoken.
    """

    channel: str
    id: str
    address: str | None = None
    line: str | None = None
    language: str = "zh"
    step: Step = Step.START
    tries: int = 0
    said: Said | None = None
    asks_back: bool = False
    own_voice: bool = False
    unasked: str | None = None
    kept: int = 0
    ticket: str | None = None
    asked: str | None = None
    about: str | None = None
    offered: tuple[str, ...] = ()
    skipped: int | None = 0
    more: bool = False
    service: str | None = None
    live: bool = False

    def to_mapping(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Call":
        """What `to_mapping` made."""
        said = values["said"]
        known = {"step": Step(values["step"]), "said": Said.from_mapping(said) if said else None}
        return cls(**{**values, **known, "offered": tuple(values["offered"])})

    def at(self, step: Step, **changes: Any) -> "Call":
        """The call at another step, where the tries begin anew."""
        return replace(self, step=step, **{"tries": 0, **changes})
