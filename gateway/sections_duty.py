"""The tables of `duty.toml`: who is on duty when, and when those on duty are alarmed."""

from typing import Literal

from pydantic import Field

from gateway.sections import ClockTime, Section

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class DutyAlarm(Section):
    """`[alarm]`: when the next on duty is told that the queue waits, and after how long the next one."""

    waiting_minutes: float = Field(15, ge=0, le=1440)
    call_after_minutes: float = Field(3, ge=0.5, le=120)
    next_after_minutes: float = Field(5, ge=0.5, le=120)
    again_minutes: float = Field(30, ge=1, le=1440)
    most_steps: int = Field(24, ge=1, le=200)


class RotaRule(Section):
    """`[[rota]]`: who is on duty on which days of the week, from when to when; past midnight when it ends earlier."""

    account: str = Field(min_length=1, max_length=64)
    days: tuple[Weekday, ...] = WEEK
    begins: ClockTime
    ends: ClockTime


class Duty(Section):
    """`duty.toml`."""

    alarm: DutyAlarm = DutyAlarm()
    rota: tuple[RotaRule, ...] = ()
