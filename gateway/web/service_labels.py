"""What the pages of services call things. The words are English here (see `labels`)."""

from collections.abc import Mapping

from gateway.casework.services import Step
from gateway.web.catalogues import N_
from store.services import ServiceKind, ServiceState

KINDS: Mapping[str, str] = {
    ServiceKind.GUIDE: N_("How to"),
    ServiceKind.HOURS: N_("Opening hours"),
    ServiceKind.OUTAGE: N_("Outage"),
    ServiceKind.TRANSPORT: N_("Buses and roads"),
    ServiceKind.NOTICE: N_("News of the department"),
}
STATES: Mapping[str, str] = {
    ServiceState.DRAFT: N_("Draft"),
    ServiceState.HELD: N_("Waiting for a moderator"),
    ServiceState.PUBLISHED: N_("Published"),
    ServiceState.RETIRED: N_("Taken down"),
}
STEPS: Mapping[str, str] = {
    Step.PUBLISH: N_("Publish"),
    Step.APPROVE: N_("Publish it"),
    Step.SEND_BACK: N_("Back to the department"),
    Step.RETIRE: N_("Take it down"),
}
# What was done to an entry, in its history.
DONE: Mapping[str, str] = {
    "added": N_("written"),
    "changed": N_("changed"),
    "undone": N_("last change undone"),
    Step.PUBLISH: N_("published"),
    Step.APPROVE: N_("let out by a moderator"),
    Step.SEND_BACK: N_("sent back by a moderator"),
    Step.RETIRE: N_("taken down"),
}
AUDIT: Mapping[str, str] = {
    "service added": N_("service written"),
    "service changed": N_("service changed"),
    "service undone": N_("change of a service undone"),
    "service publish": N_("service published"),
    "service approve": N_("service let out"),
    "service send_back": N_("service sent back"),
    "service retire": N_("service taken down"),
    "service told": N_("service told to followers"),
    "word dismissed": N_("unanswered word dismissed"),
    "word put back": N_("unanswered word put back"),
}
# What deliberate errors say to people, as in `fault_labels.FAULTS`.
FAULTS = (
    N_("give a title"),
    N_("give a title of at most 80 characters"),
    N_("write what citizens are told"),
    N_("at most 20 words, each of at most 32 characters"),
    N_("say until when it is valid"),
    N_("it must end after it begins"),
    N_("this has ended already: say until when it is valid"),
    N_("this has ended already"),
    N_("these are another department’s services"),
    N_("this is for moderators"),
    N_("there is nothing to undo"),
    N_("only published news can be told to followers"),
    N_("followers were told already, or somebody changed this meanwhile"),
    N_("there is no such service"),
    N_("nobody asks for this word any more"),
    N_("give a day and a time"),
)
# What is said to whoever asks by a word.
PHRASES: Mapping[str, str] = {
    "info": N_("the service asked for"),
    "info_news": N_("the service asked for"),
    "info_several": N_("which service is meant"),
    "info_which": N_("which services there are"),
    "info_none": N_("that there is no such service"),
    "info_empty": N_("that there is no such service"),
    "info_gone": N_("that there is no such service"),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "service_kind": KINDS,
    "service_state": STATES,
    "service_step": STEPS,
    "service_done": DONE,
}
