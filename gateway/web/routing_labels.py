"""What the pages of the routing rules call things, and what their errors say; told in the language of the reader."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

WEEKDAYS: Mapping[str, str] = {
    "mon": N_("Monday"),
    "tue": N_("Tuesday"),
    "wed": N_("Wednesday"),
    "thu": N_("Thursday"),
    "fri": N_("Friday"),
    "sat": N_("Saturday"),
    "sun": N_("Sunday"),
}
DONE: Mapping[str, str] = {
    "added": N_("added"),
    "changed": N_("changed"),
    "retired": N_("retired"),
    "restored": N_("put back"),
    "undone": N_("last change undone"),
}
# What deliberate errors say to people, as in `fault_labels.FAULTS`.
FAULTS = (
    N_("give the rule a name"),
    N_("give the rule a name of at most 64 characters"),
    N_("give the hours like 22:00-06:00"),
    N_("choose days of the week"),
    N_("choose the department"),
    N_("there is no such category"),
    N_("the gazetteer has no such place"),
    N_("there are too many words, or one is too long"),
    N_("give at least one condition, or the rule would decide everything"),
    N_("there is no such rule"),
    N_("another rule has this name"),
    N_("there are too many rules; retire some first"),
    N_("there is nothing to take back"),
    N_("this was not tried yet as it is: see what it would change, then save it"),
    N_("only the report itself has a place"),
)
TABLES: Mapping[str, Mapping[str, str]] = {"weekday_whole": WEEKDAYS, "routing_done": DONE}
