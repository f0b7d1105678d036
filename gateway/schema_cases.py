"""The words of casework: how far a department is, what it may do, what it owes by when, whose matter a late case is."""

from enum import StrEnum
from typing import Literal


class Progress(StrEnum):
    """Where the department's work on a thread stands. Only `casework.handling` and an answer change it."""

    NEW = "new"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    PASSED_ON = "passed_on"
    REOPENED = "reopened"
    ANSWERED = "answered"
    CLOSED = "closed"
    MERGED = "merged"


# Where an answer is owed no more, or is another thread's.
_SETTLED_PROGRESS = (Progress.ANSWERED, Progress.CLOSED, Progress.MERGED)

# Where an answer is still owed.
OPEN_PROGRESS = tuple(progress for progress in Progress if progress not in _SETTLED_PROGRESS)

# Which span of `config/deadlines.toml` a case has until its answer.
Deadline = Literal["urgent", "normal", "hard"]


class CaseStep(StrEnum):
    """What is done to a case; `casework.handling.TABLE` says from where each may lead whither."""

    ASSIGN = "assign"
    ACCEPT = "accept"
    BEGIN = "begin"
    ASK = "ask"
    RESUME = "resume"
    PASS_ON = "pass_on"  # noqa: S105
    REFUSE = "refuse"
    CLOSE = "close"
    REOPEN = "reopen"
    MERGE = "merge"
    SEPARATE = "separate"


class Due(StrEnum):
    """What a case has a deadline for: to be accepted, to be answered, and to be taken over by another."""

    ACKNOWLEDGE = "acknowledge"
    ANSWER = "answer"
    ACCEPT = "accept"


class Level(StrEnum):
    """Whose matter a late case is, one after the other; `public` is the list that everybody reads."""

    OFFICER = "officer"
    HEAD = "head"
    SUPERVISOR = "supervisor"
    PUBLIC = "public"
