"""What the pages call broadcasts, deliveries and what they say, and how subscribers stand."""

from collections.abc import Mapping

from gateway.schema_outgoing import DeliveryState
from gateway.web import casework_labels, duty_labels, phrase_labels, service_labels
from gateway.web.catalogues import N_
from store.broadcasts import BroadcastState, Told

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
    "received_form": N_("receipt with the ticket"),
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
    **casework_labels.PHRASES,
    **service_labels.PHRASES,
    **phrase_labels.PHRASES,
    **duty_labels.PHRASES,
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
    "delivery": DELIVERIES,
    "audience": AUDIENCES,
    "broadcast": BROADCASTS,
    "told": TOLD,
    "dropped": DROPPED,
    "phrase": PHRASES,
    "about": ABOUTS,
    "subscriber": SUBSCRIBERS,
    "subscriber_done": SUBSCRIBERS_DONE,
}
