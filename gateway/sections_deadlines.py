"""The tables of `deadlines.toml`: the city's working time, how long departments may take, and who is told when."""

from datetime import date
from typing import get_args

from pydantic import Field

from gateway.schema_cases import Deadline, Due, Level
from gateway.sections import Section


class WorkingTime(Section):
    """`[calendar]` of `deadlines.toml`: when the city works."""

    country: str = Field("", pattern="^([A-Z]{2})?$")
    region: str = Field("", pattern="^[A-Z0-9]{0,8}$")
    hours: tuple[str, ...] = ("08:30-12:00", "13:30-17:30")
    closed: tuple[date, ...] = ()
    open: tuple[date, ...] = ()


class Spans(Section):
    """`[spans]` of `deadlines.toml`: how long a department may take."""

    acknowledge: str = "2 working hours"
    accept: str = "4 working hours"
    urgent: str = "24 hours"
    normal: str = "7 working days"
    hard: str = "15 working days"


class Reminder(Section):
    """One of `[[reminders]]` of `deadlines.toml`: who is told when, of a deadline that is near or over."""

    due: Due
    to: Level
    when: str
    spans: tuple[Deadline, ...] = get_args(Deadline)


class Satisfaction(Section):
    """`[satisfaction]` of `deadlines.toml`: whether authors are asked for a mark, and for how many days."""

    ask: bool = True
    days: int = Field(7, ge=1, le=90)


class Deadlines(Section):
    """`deadlines.toml`: by when departments must act, and who is told when they do not."""

    calendar: WorkingTime = WorkingTime()
    spans: Spans = Spans()
    satisfaction: Satisfaction = Satisfaction()
    reminders: tuple[Reminder, ...] = Field((), max_length=100)
