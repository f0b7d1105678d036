"""What the pages of the inbox, the notes and the answers call things. The words are English here (see `labels`)."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

LANGUAGES: Mapping[str, str] = {"zh": N_("Chinese"), "en": N_("English")}
# What a field of an answer's template is filled in with.
FIELDS: Mapping[str, str] = {
    "ticket": N_("the number of the report"),
    "department": N_("the department that answers"),
    "place": N_("the street or place"),
    "category": N_("what it is about"),
    "received": N_("the day it came"),
    "today": N_("the day of the answer"),
    "city": N_("the city’s name"),
    "link": N_("the address of its page"),
}
# What deliberate errors say to people, as in `labels.FAULTS`.
FAULTS = (
    N_("this is no day"),
    N_("a moment needs a time zone"),
    N_("give a name of at most 64 characters"),
    N_("you have saved too many filters; delete some first"),
    N_("you have a filter of this name already"),
    N_("there is no such saved filter"),
    N_("this filter is somebody else’s"),
    N_("this cursor was not given by us"),
    N_("write a note"),
    N_("choose a template first"),
    N_("there is no such template"),
    N_("a field in braces is not filled in yet"),
    N_("a brace stands alone; write {{ or }} for a brace itself"),
    N_("these are another department’s templates"),
    N_("somebody changed this meanwhile; look at it again"),
    N_("write one word or phrase"),
    N_("nothing of this word can be looked for"),
)
TABLES: Mapping[str, Mapping[str, str]] = {"language": LANGUAGES, "field": FIELDS}
