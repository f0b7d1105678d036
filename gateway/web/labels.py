"""What the pages call the things of the schema. The words are English here and translated where they are drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.schema import (
    OPEN_PROGRESS,
    Action,
    DeliveryState,
    Kind,
    MediaState,
    PlaceFrom,
    Progress,
    PublicPost,
    Ruling,
    State,
    TranscriptState,
)
from gateway.web import (
    call_labels,
    casework_labels,
    channel_labels,
    duty_labels,
    organisation_labels,
    phrase_labels,
    routing_labels,
    service_labels,
    staff_labels,
)
from gateway.web.catalogues import N_
from store.broadcasts import BroadcastState, Told

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
ACTIONS: Mapping[str, str] = {
    Action.PUBLISH: N_("Publish"),
    Action.HOLD: N_("Hold for a second look"),
    Action.REJECT: N_("Reject"),
    Action.WITHDRAW: N_("Withdraw"),
    Action.CORRECT: N_("Correct the text"),
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
    "undone": N_("undid the decision"),
    **casework_labels.STEPS_DONE,
    "written": N_("wrote it"),
}
# What rejected a post beside the city's lists, which name themselves.
RULES: Mapping[str, str] = {
    "repeat:own": N_("said before by the same person"),
    "limit:address": N_("too much from one line"),
    "phrase:day": N_("the phrase of the day, said on the phone"),
}
RULINGS: Mapping[str, str] = {
    Ruling.PASS: N_("no rule hit"),
    Ruling.WATCH: N_("watch"),
    Ruling.HOLD: N_("hold"),
    Ruling.BLOCK: N_("block"),
}
LISTS: Mapping[str, str] = {
    "block": N_("block"),
    "hold": N_("hold"),
    "watch": N_("watch"),
    "emergency": N_("emergency"),
    "allow": N_("allowed phrases"),
}
# What finding a word of a list does.
LIST_EFFECTS: Mapping[str, str] = {
    "block": N_("Rejected by rule at once; staff can restore it."),
    "hold": N_("Waits until a person has read it."),
    "watch": N_("Passes, and is shown to the people on duty."),
    "emergency": N_("The sender is told which number to call, and the post is marked."),
    "allow": N_("A word inside one of these phrases does not count."),
}
MEDIA: Mapping[str, str] = {
    MediaState.DUE: N_("A photo or recording is on its way"),
    MediaState.FAILED: N_("A file could not be used"),
    MediaState.FORGOTTEN: N_("deleted"),
}
DELIVERIES: Mapping[str, str] = {
    DeliveryState.DUE: N_("due"),
    DeliveryState.HELD: N_("held back"),
    DeliveryState.SENDING: N_("being sent"),
    DeliveryState.UNKNOWN: N_("unknown"),
    DeliveryState.SENT: N_("sent"),
    DeliveryState.DELIVERED: N_("delivered"),
    DeliveryState.FAILED: N_("failed"),
    DeliveryState.DROPPED: N_("dropped"),
}
AUDIENCES: Mapping[str, str] = {
    "author": N_("to the author"),
    "follower": N_("to a follower"),
    "timeline": N_("for everybody"),
    "operator": N_("to an operator"),
    "subscriber": N_("to a subscriber"),
}
BROADCASTS: Mapping[str, str] = {
    BroadcastState.OPEN: N_("going out"),
    BroadcastState.ASKING: N_("waits for a yes"),
    BroadcastState.EXPANDED: N_("all addressed"),
    BroadcastState.PAUSED: N_("paused"),
    BroadcastState.RESUMING: N_("going on"),
    BroadcastState.STOPPING: N_("being stopped"),
    BroadcastState.STOPPED: N_("stopped"),
}
TOLD: Mapping[str, str] = {
    Told.PUBLISHED: N_("publication"),
    Told.CORRECTED: N_("correction"),
    Told.WITHDRAWN: N_("withdrawal"),
    Told.ANSWERED: N_("answer"),
    Told.COMMENTED: N_("addition"),
}
# Why something did not leave. What a carrier said is shown as it is.
DROPPED: Mapping[str, str] = {
    "by hand": N_("stopped by hand"),
    "expired": N_("its time was over"),
    "withdrawn": N_("the post was withdrawn"),
    "undone": N_("the decision was undone"),
    "superseded": N_("a later correction replaced it"),
    "stopped": N_("the line said STOP"),
    "erased": N_("the citizen had himself erased"),
    "paused": N_("paused"),
}
# What a message says, by its phrase.
PHRASES: Mapping[str, str] = {
    "received": N_("receipt with the ticket"),
    "received_private": N_("receipt of a private report"),
    "received_call": N_("receipt of a call"),
    "empty": N_("that the message was empty"),
    "published": N_("that it is published"),
    "published_private": N_("that it was accepted"),
    "held": N_("that it is looked at again"),
    "rejected": N_("why it is not published"),
    "withdrawn_author": N_("why it was withdrawn"),
    "corrected_author": N_("that it was corrected"),
    "answered": N_("the department’s answer"),
    "follower_published": N_("a new post"),
    "follower_corrected": N_("a correction"),
    "follower_withdrawn": N_("a withdrawal"),
    "follower_answered": N_("an answer"),
    "status": N_("how it stands"),
    "status_answered": N_("how it stands, with the answer"),
    "status_unknown": N_("that there is no such ticket"),
    "status_which": N_("how to ask"),
    "following": N_("that it follows now"),
    "stopped": N_("the last word after STOP"),
    "started": N_("welcome back"),
    "help": N_("what can be done"),
    "code": N_("a code"),
    "code_line": N_("a code"),
    "code_alarm": N_("a code"),
    "reminder_acknowledge": N_("that a case must be accepted soon"),
    "reminder_answer": N_("that an answer is due soon"),
    "reminder_accept": N_("that a case must be taken over soon"),
    "late_acknowledge": N_("that a case was not accepted in time"),
    "late_answer": N_("that an answer is late"),
    "late_accept": N_("that a case was not taken over in time"),
    "deadlines_several": N_("that several deadlines are near or over"),
    "case_given": N_("that a case was given to him"),
    "incident_opened": N_("that a channel is sick"),
    "incident_still": N_("that a channel is still sick"),
    "incident_over": N_("that a channel is well again"),
    "received_cut": N_("receipt of a text too long"),
    "received_ask": N_("receipt, and to which report it belongs"),
    "received_where": N_("receipt, and where it is"),
    "received_private_where": N_("receipt, and where it is"),
    "where_ask": N_("where it is"),
    "where_thanks": N_("that its place is noted"),
    "where_words": N_("that the place is asked in words"),
    "follow_up": N_("that it was added"),
    "added": N_("that it was added"),
    "repeated": N_("that we have it already"),
    "separated": N_("that it is a report of its own"),
    "separate_none": N_("that there is nothing to separate"),
    "belongs_late": N_("that it is too late to move it"),
    "too_many": N_("that it is very much"),
    "quiet": N_("that answers pause"),
    "emergency": N_("whom to call in danger"),
    "no_question": N_("that nothing was asked"),
    "number_from": N_("which numbers fit"),
    "kept_private": N_("that it is kept private"),
    "kept_public": N_("that it may be published"),
    "public_never": N_("that it is never shown"),
    "kept_for_category": N_("that it is kept private"),
    "private_none": N_("that there is nothing to keep private"),
    "public_late": N_("that it cannot be changed"),
    "thanks": N_("that we are glad"),
    "language_set": N_("in which language we write"),
    "language_which": N_("how to choose a language"),
    "status_ask": N_("which report is meant"),
    "following_topic": N_("that it follows now"),
    "following_nothing": N_("that it follows nothing"),
    "not_following": N_("what it follows"),
    "unfollowed": N_("that it follows no more"),
    "unfollowed_all": N_("that it follows no more"),
    "topic_unknown": N_("what can be followed"),
    "joined": N_("that the same is published already"),
    "comment_published": N_("that an addition is published"),
    "comment_held": N_("that an addition is looked at again"),
    "comment_rejected": N_("why an addition is not published"),
    "commented": N_("an addition"),
    "undone_author": N_("that it is looked at again"),
    "answer_corrected": N_("that the answer was corrected"),
    "answer_withdrawn": N_("that the answer was withdrawn"),
    "following_now": N_("that it follows now"),
    "digest": N_("the digest"),
    "event": N_("an event of the stream"),
    **phrase_labels.PHRASES,
    **duty_labels.PHRASES,
}
# Who acts in the history beside staff, who stand there by name.
ACTORS: Mapping[str, str] = {"author": N_("the author"), "rule": N_("a rule"), "clock": N_("the clock")}
ROLES: Mapping[str, str] = {
    "administrator": N_("Administrator"),
    "moderator": N_("Moderator"),
    "officer": N_("Department officer"),
    "viewer": N_("Viewer"),
}
MODES: Mapping[str, str] = {"on": N_("on"), "off": N_("off"), "simulated": N_("simulated")}
TRANSCRIPTS: Mapping[str, str] = {
    TranscriptState.NONE: N_("Its speaker wants only the recording kept: please listen and type"),
    TranscriptState.DUE: N_("Waiting for transcription"),
    TranscriptState.NO_MODEL: N_("No speech model installed for this language: please listen and type"),
    TranscriptState.FAILED: N_("Could not be transcribed: please listen and type"),
}
# By channel, else by medium: the first part of its name. What is not listed here is shown by its own name.
MEDIUMS: Mapping[str, str] = {
    "sms": N_("Text message"),
    "voice": N_("Hotline"),
    "web_form": N_("Web form"),
    "web_comment": N_("Addition on the site"),
    "web_chat": N_("Chat"),
    "portal": N_("This site"),
    "feeds": N_("Feeds"),
    "radio": N_("Radio"),
    "console": N_("City staff"),
    "webhook": N_("Webhook"),
}
# What people call a line, by the scheme of its address. One that is not listed is shown by its own name.
LINES: Mapping[str, str] = {"tel": N_("Telephone"), "web": N_("Browser"), "wechat": N_("WeChat")}
# Why something was decided, beside what the phrases say: told to staff only.
REASONS: Mapping[str, str] = {
    "erased": N_("its author had himself erased"),
    "mode:trusted": N_("mode: trusted citizens at once"),
    "mode:clean": N_("mode: all that is clean at once"),
}
# How posts are decided without a person, and what that means.
MODERATION_MODES: Mapping[str, str] = {
    "by_hand": N_("All by hand"),
    "trusted": N_("Trusted citizens at once"),
    "clean": N_("All that is clean at once"),
}
MODE_EFFECTS: Mapping[str, str] = {
    "trusted": N_("A rule publishes what citizens with a proved line and a clean record say, unless a list holds it."),
    "clean": N_("A rule publishes whatever no list holds. Photos, emergencies and repetitions still wait here."),
}
# What was done to several posts.
DID: Mapping[str, str] = {
    Action.PUBLISH: N_("published"),
    Action.HOLD: N_("held back"),
    Action.REJECT: N_("rejected"),
}
# What deliberate errors say to people, word for word as they are raised elsewhere, so that the catalogues have them.
FAULTS = (
    N_("name or password is wrong"),
    N_("somebody else is deciding this just now"),
    N_("there is no such decision"),
    N_("choose a mode"),
    N_("only recordings are written down"),
    N_("give a day"),
    N_("the last day is before the first"),
    N_("at most three years at once"),
    N_("there is nothing before that"),
    N_("this is no telephone number"),
    N_("codes go to mobile numbers only"),
    N_("no channel can send codes just now"),
    N_("you asked for too many codes today"),
    N_("no code was sent for this"),
    N_("you have no such line"),
    N_("a name has at most 30 characters"),
    N_("a name needs letters"),
    N_("this name holds a word that is not allowed"),
    N_("this name looks like the city’s own"),
    N_("type the word to show that you mean it"),
    N_("too many codes were sent to this number today"),
    N_("this is not the code we sent"),
    N_("this code has expired"),
    N_("this code was tried too often; ask for a new one"),
    N_("load the page again and send once more"),
    N_("write what is wrong and where"),
    N_("this is too long"),
    N_("a search has at most 200 characters"),
    N_("this is none of the choices"),
    N_("a day as 2026-01-31, or a moment (RFC 3339)"),
    N_("this cursor was not given by us"),
    N_("it is too late to undo this"),
    N_("there is no such broadcast"),
    N_("what is published may end at a moment that is still to come"),
    N_("this is no day that is still to come"),
    N_("choose one of the list"),
    N_("say the reason in a note"),
    N_("this report is not your department's"),
    N_("what waits to be decided is not for officers of one department"),
    N_("type words or a ticket"),
    N_("Twilio knows the account and its number"),
    N_("choose a reason first"),
    N_("choose what to do"),
    N_("write an answer"),
    N_("give the corrected text"),
    N_("there are no words to publish yet: wait for the transcript or type them"),
    N_("somebody changed this post meanwhile; look at it again"),
    N_("this change is not possible any more"),
    N_("choose a department"),
    N_("this thread was turned away and cannot be answered"),
    N_("this password is too short or too long"),
    N_("give a name"),
    N_("too many from your network just now"),
    N_("not enabled in channels.toml"),
    N_("no credentials are set"),
    N_("missing or empty"),
    N_("cannot be read"),
    N_("graph/words.txt is too short"),
    N_("this file is empty"),
    N_("this file is too large"),
    N_("too many files"),
    N_("only photos and sound are taken"),
    N_("films are not taken; send photos or sound"),
    N_("this kind of picture cannot be shown here; send it as JPEG"),
    N_("this picture is damaged or cut off"),
    N_("this picture is too large to open"),
    N_("this picture could not be opened"),
    N_("this file is not on disk any more"),
    N_("this speech model is not installed"),
    N_("this speech model is not installed any more"),
    N_("this recording is being written down, or is not here any more"),
    N_("give both degrees or none"),
    N_("degrees as a number"),
    N_("write what you want to add"),
    N_("this post is not public, so nothing can be added to it here"),
    N_("too many messages are waiting; nothing was kept, please repeat"),
    N_("this line takes nothing in just now; nothing was kept, please repeat later"),
    N_("there is no such channel here"),
    N_("choose what to do with the channel"),
    N_("save the file as UTF-8"),
    N_("make it smaller than 16 MB"),
    N_("is missing or cannot be read; an empty file will do"),
    N_("this is no usable address"),
    N_("the address must begin with https://"),
    N_("the address may hold no password and no #"),
    N_("this is our own address"),
    N_("this address is not on the public internet"),
    N_("its address is not on the public internet"),
    N_("no channel takes subscribers just now"),
    N_("give it a name of at most 64 characters"),
    N_("there are too many subscribers; remove one first"),
    N_("no answer in time"),
    N_("no connection"),
    N_("no secure connection: its certificate is not valid"),
    N_("the connection was lost before the answer"),
    N_("redirects are not followed"),
    N_("needs no credentials"),
)
# What is hidden in texts before they are published, by the settings.
MASKED: Mapping[str, str] = {
    "phones": N_("telephone numbers"),
    "id_cards": N_("ID numbers"),
    "bank_cards": N_("bank card numbers"),
    "plates": N_("number plates"),
    "emails": N_("e-mail addresses"),
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
# What a subscriber may be told of, how it stands, and what was done with it.
ABOUTS: Mapping[str, str] = {
    "published": N_("a post appears"),
    "updated": N_("a post changes"),
    "withdrawn": N_("a post is withdrawn"),
    "answered": N_("a department answers"),
    "commented": N_("something is added"),
}
SUBSCRIBERS: Mapping[str, str] = {
    "active": N_("is told"),
    "paused": N_("paused"),
    "gone": N_("gone"),
    "failing": N_("given up"),
}
SUBSCRIBERS_DONE: Mapping[str, str] = {
    "pause": N_("Paused. What happens meanwhile is told after resuming."),
    "resume": N_("Resumed. What waited is sent now."),
    "test": N_("A test is on its way; load the page again to see what came of it."),
    "replay": N_("The last day is told again."),
    "remove": N_("Removed."),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    **call_labels.TABLES,
    **channel_labels.TABLES,
    **organisation_labels.TABLES,
    **casework_labels.TABLES,
    **routing_labels.TABLES,
    **staff_labels.TABLES,
    **service_labels.TABLES,
    **phrase_labels.TABLES,
    **duty_labels.TABLES,
    "kind": KINDS,
    "state": STATES,
    "progress": PROGRESS,
    "action": ACTIONS,
    "done": DONE,
    "ruling": RULINGS,
    "rule": RULES,
    "list": LISTS,
    "list_effect": LIST_EFFECTS,
    "media": MEDIA,
    "delivery": DELIVERIES,
    "audience": AUDIENCES,
    "broadcast": BROADCASTS,
    "told": TOLD,
    "dropped": DROPPED,
    "phrase": PHRASES,
    "actor": ACTORS,
    "role": ROLES,
    "mode": MODES,
    "transcript": TRANSCRIPTS,
    "line": LINES,
    "reason": REASONS,
    "moderation_mode": MODERATION_MODES,
    "mode_effect": MODE_EFFECTS,
    "did": DID,
    "place": PLACES,
    "masked": MASKED,
    "about": ABOUTS,
    "subscriber": SUBSCRIBERS,
    "subscriber_done": SUBSCRIBERS_DONE,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One station on a post's way: what it is called, when it was reached (None: not yet), who is named with it."""

    label: str
    at: datetime | None = None
    reached: bool = True
    department: str | None = None
    due_at: datetime | None = None


def medium(channel: str) -> str:
    """What people call the medium of a channel, in English."""
    return MEDIUMS.get(channel) or MEDIUMS.get(channel.split("_", 1)[0], channel)


def rule(name: str, gettext: Callable[[str], str]) -> str:
    """What a rule that held a post is called, in a language: of a word in a list the list and the word."""
    kind, _, word = name.partition(":")
    if name in RULES or kind not in LISTS:
        return gettext(RULES.get(name, name))
    return f"{gettext(LISTS[kind])}: {word}"


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


def fitted(width: int | None, height: int | None, side: int) -> tuple[int, int]:
    """How large a preview with sides of at most `side` is, of a picture of this size."""
    if not width or not height:
        return side, side
    scale = min(1, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def wave(peaks: Sequence[int]) -> str:
    """The picture of a sound as an SVG path: a line for each peak, about the middle of a height of 100."""
    return "".join(
        f"M{at + 0.5:g} {50 - height / 2:g}V{50 + height / 2:g}"
        for at, peak in enumerate(peaks)
        if (height := max(peak, 2))
    )


def speaks(text: str) -> str | None:
    """The language a text is marked with for screen readers: by its script, None when that tells nothing."""
    if any("\u4e00" <= letter <= "\u9fff" for letter in text):
        return "zh"
    return "en" if any(letter.isascii() and letter.isalpha() for letter in text) else None
