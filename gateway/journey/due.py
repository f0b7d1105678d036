"""By when the department that a thread was given to must act: its category's span, or that of emergencies."""

from datetime import datetime
from typing import Any

from gateway.casework.deadlines import Span
from gateway.schema_cases import Deadline, Progress
from gateway.settings import Settings
from store.cases import Case
from store.changes import Changing


def span_of(settings: Settings, post: Changing) -> Deadline:
    """Which span a thread's department has, by the thread's first post."""
    if post.urgent:
        return "urgent"
    return next((known.deadline for known in settings.categories if known.slug == post.category), "normal")


def given(settings: Settings, post: Changing, department: str | None, at: datetime) -> dict[str, Any]:
    """What a case is when a department is given it at a moment, or the dispatcher (None): its clock runs from then."""
    return {"department": department, "progress": Progress.ASSIGNED if department else Progress.NEW} | renewed(
        settings, span_of(settings, post), at
    )


def renewed(settings: Settings, span: Deadline, at: datetime) -> dict[str, Any]:
    """A clock that begins anew at a moment."""
    calendar = settings.calendar
    return {
        "span": span,
        "begun_at": at,
        "acknowledge_by": calendar.after(at, settings.span("acknowledge")),
        "acknowledged_at": None,
        "due_at": calendar.after(at, settings.span(span)),
        "stopped_at": None,
    }


def resumed(settings: Settings, case: Case, at: datetime) -> datetime:
    """When a clock that stood still runs out, now that it goes on: what was left of the time then is left now.

    One that had run out before it stopped stays where it was.
    """
    stopped_at = case.stopped_at or at
    if case.due_at <= stopped_at:
        return case.due_at
    calendar, working = settings.calendar, settings.span(case.span).working
    left = calendar.spent(stopped_at, case.due_at, working=working)
    return calendar.after(at, Span(left, working))
