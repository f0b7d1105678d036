"""What the pages call what has to do with duty. Translated where it is drawn."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

DUTY_DONE: Mapping[str, str] = {
    "added": N_("The shift stands in the rota."),
    "swapped": N_("The shift is somebody else’s now."),
    "drop": N_("The shift was removed."),
    "resume": N_("The shift is back."),
    "noted": N_("The note waits for whoever comes next."),
    "read": N_("You have read the note."),
    "claimed": N_("You take care of the queue. Nobody else is called."),
}
WAYS: Mapping[str, str] = {"text": N_("by text message"), "call": N_("by a call")}
AUDIT: Mapping[str, str] = {
    "shift added": N_("shift added"),
    "shift swapped": N_("shift given to another"),
    "shift removed": N_("shift removed"),
    "shift put back": N_("shift put back"),
    "duty claimed": N_("waiting queue taken care of"),
}
PHRASES: Mapping[str, str] = {
    "duty_alarm": N_("that the queue waits"),
    "duty_claimed": N_("who takes care of the queue"),
    "duty_late": N_("that the queue is taken care of already"),
}
# What deliberate errors say, word for word as they are raised elsewhere.
FAULTS = (
    N_("give a day and two times, like 2026-03-02, 08:00 and 16:00"),
    N_("a note has 1 to 2000 characters"),
    N_("there is no such shift, or nobody of this name works here"),
    N_("there is no such shift"),
    N_("somebody has read this already, or it is your own"),
    N_("somebody takes care of it already, or nothing waits any more"),
)
TABLES: Mapping[str, Mapping[str, str]] = {"duty_done": DUTY_DONE, "duty_way": WAYS}
