"""What the pages call a post's kinds, states and files, what was done to it, and the stations on its way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.schema import Action, Kind, MediaState, PlaceFrom, State, TranscriptState
from gateway.schema_cases import OPEN_PROGRESS, Progress
from gateway.schema_public import PublicPost
from gateway.web import casework_labels
from gateway.web.catalogues import N_

KINDS: Mapping[str, str] = {
    Kind.REPORT: N_("Report"),
    Kind.PRAISE: N_("Praise"),
    Kind.QUESTION: N_("Question"),
    Kind.IDEA: N_("Idea"),
    Kind.COMMENT: N_("Comment"),
    Kind.ANSWER: N_("Answer"),
    Kind.NOTICE: N_("Notice"),
}
STATES: Mapping[str, str] = {
    State.PENDING: N_("Waiting for review"),
    State.HELD: N_("On hold"),
    State.PUBLISHED: N_("Published"),
    State.REJECTED: N_("Not published"),
    State.WITHDRAWN: N_("Withdrawn"),
}
PROGRESS: Mapping[str, str] = {
    Progress.NEW: N_("No department yet"),
    Progress.ASSIGNED: N_("With the department"),
    Progress.ACCEPTED: N_("Accepted by the department"),
    Progress.IN_PROGRESS: N_("Being worked on"),
    Progress.WAITING: N_("Waiting for the citizen"),
    Progress.PASSED_ON: N_("Being passed on"),
    Progress.REOPENED: N_("Opened again"),
    Progress.ANSWERED: N_("Answered"),
    Progress.CLOSED: N_("Closed"),
    Progress.MERGED: N_("Dealt with together with another report"),
}

# What the history calls what was done; an action the pages do not know is shown by its own name.
DONE: Mapping[str, str] = {
    "taken": N_("sent it"),
    "judged": N_("judged it"),
    Action.PUBLISH: N_("published"),
    Action.HOLD: N_("held for a second look"),
    Action.REJECT: N_("rejected"),
    Action.WITHDRAW: N_("withdrawn"),
    Action.CORRECT: N_("text corrected"),
    "answered": N_("answered"),
    "marked": N_("judged the answer"),
    "transcribed": N_("Recording transcribed"),
    "transcript_corrected": N_("corrected the transcript"),
    "transcript_again": N_("had the recording transcribed again"),
    "recording_deleted": N_("deleted the recording, by the city’s rule"),
    "photo_hidden": N_("photo kept from the public"),
    "photo_shown": N_("photo shown again"),
    "voice_agreed": N_("agrees to be heard on the radio"),
    "voice_allowed": N_("let the recording be heard on the radio"),
    "voice_forbidden": N_("kept the recording off the radio"),
    "voice_taken_back": N_("does not want to be heard on the radio any more"),
    "file_again": N_("file tried again"),
    "erased": N_("had himself erased"),
    "separated": N_("made it a report of its own"),
    "added": N_("added it to another report"),
    "put_back": N_("put it back under the report it was added to"),
    "placed": N_("said where it is"),
    "filed": N_("changed where it belongs"),
    "kept private": N_("keeps it from the public"),
    "kept public": N_("allows it to be published"),
    "categorised": N_("changed the category"),
    "withheld": N_("withdrew it with all of its category"),
    "shown_again": N_("showed it again"),
    "undone": N_("undid the decision"),
    **casework_labels.STEPS_DONE,
    "written": N_("wrote it"),
}
MEDIA: Mapping[str, str] = {
    MediaState.DUE: N_("A photo or recording is on its way"),
    MediaState.FAILED: N_("A file could not be used"),
    MediaState.FORGOTTEN: N_("deleted"),
}
TRANSCRIPTS: Mapping[str, str] = {
    TranscriptState.NONE: N_("Its speaker wants only the recording kept: please listen and type"),
    TranscriptState.DUE: N_("Waiting for transcription"),
    TranscriptState.NO_MODEL: N_("No speech model installed for this language: please listen and type"),
    TranscriptState.FAILED: N_("Could not be transcribed: please listen and type"),
}

# How it is known where something is.
PLACES: Mapping[str, str] = {
    PlaceFrom.TYPED: N_("as typed"),
    PlaceFrom.BROWSER: N_("where the writer was"),
    PlaceFrom.MESSAGE: N_("sent with the message"),
    PlaceFrom.PHOTO: N_("read from the photo"),
    PlaceFrom.WORDS: N_("found in the words"),
    PlaceFrom.ANSWER: N_("answered when asked"),
    PlaceFrom.STAFF: N_("set by staff"),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "kind": KINDS,
    "state": STATES,
    "progress": PROGRESS,
    "done": DONE,
    "media": MEDIA,
    "transcript": TRANSCRIPTS,
    "place": PLACES,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One station on a post's way: what it is called, when it was reached (None: not yet), who is named with it."""

    label: str
    at: datetime | None = None
    reached: bool = True
    department: str | None = None
    due_at: datetime | None = None


def steps(post: PublicPost) -> list[Step]:
    """The way of a post from its taking in to its answer, as the public may know it."""
    received = Step(N_("Received"), post.created_at)
    if post.state in (State.REJECTED, State.WITHDRAWN):
        return [received, Step(STATES[post.state])]
    if post.kind is Kind.NOTICE:  # a department's own news: there is nothing to be done about it
        return [Step(STATES[post.state], post.published_at, department=post.department)]
    reviewed = post.state is State.PUBLISHED
    if not reviewed:
        return [
            received,
            Step(STATES[post.state]),
            Step(N_("With the department"), reached=False),
            Step(N_("Answered"), reached=False),
        ]
    first = Step(
        N_("Reviewed and published") if post.text else N_("Accepted, for the department only"), post.published_at
    )
    owed = post.progress in OPEN_PROGRESS
    working = PROGRESS[post.progress] if owed and post.progress is not Progress.NEW else N_("With the department")
    given = Step(working, None, post.progress is not Progress.NEW, post.department)
    last = post.answers[-1].published_at if post.answers else None
    due_at = post.due_at if post.department else None
    return [
        received,
        first,
        given,
        Step(N_("Answer") if owed else N_("Answered"), None if owed else last, not owed, due_at=due_at),
    ]
