"""What the pages call departments' and categories' doings. Translated where they are drawn."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

# What was done to one, as its history and the word after it call it.
ACTS: Mapping[str, str] = {
    "added": N_("added"),
    "changed": N_("changed"),
    "moved": N_("moved"),
    "retired": N_("retired"),
    "restored": N_("restored"),
    "undone": N_("change undone"),
    "withdrawn": N_("public posts withdrawn"),
}
AUDIT: Mapping[str, str] = {
    "department added": N_("department added"),
    "department changed": N_("department changed"),
    "department moved": N_("department moved"),
    "department retired": N_("department retired"),
    "department restored": N_("department restored"),
    "department undone": N_("change of a department undone"),
    "category added": N_("category added"),
    "category changed": N_("category changed"),
    "category moved": N_("category moved"),
    "category retired": N_("category retired"),
    "category restored": N_("category restored"),
    "category undone": N_("change of a category undone"),
    "category withdrawn": N_("public posts of a category withdrawn"),
}
DAYS: Mapping[str, str] = {
    "mon": N_("Mon"),
    "tue": N_("Tue"),
    "wed": N_("Wed"),
    "thu": N_("Thu"),
    "fri": N_("Fri"),
    "sat": N_("Sat"),
    "sun": N_("Sun"),
}
# What the parts of a department or category are called where a change of them is told.
PARTS: Mapping[str, str] = {
    "name": N_("name"),
    "parent": N_("place in the tree"),
    "contact": N_("public contact"),
    "hours": N_("duty hours"),
    "places": N_("places served"),
    "department": N_("department"),
    "deadline": N_("deadline"),
    "sensitive": N_("privacy"),
    "position": N_("order"),
    "retired": N_("retired or not"),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "organisation_act": ACTS,
    "weekday": DAYS,
    "organisation_part": PARTS,
}
# What is said of a value that cannot be used.
FAULTS = (
    N_("use small letters, digits and dashes, at most 64"),
    N_("this is no telephone number"),
    N_("this is no e-mail address"),
    N_("give an address that begins with https://"),
    N_("give the days, and when duty begins and ends"),
    N_("a place has at most 64 characters"),
    N_("duty must end after it begins"),
    N_("these are too many"),
    N_("choose another short name"),
    N_("this short name is taken"),
    N_("there is one of this name already"),
    N_("it may not stand under itself"),
    N_("it is still in use; see what depends on it"),
    N_("it is retired already"),
    N_("it is not retired"),
    N_("it stands at the end already"),
    N_("something else was changed since; look at it again"),
    N_("only the first post of a thread has a category"),
    N_("say what becomes of what is public in it"),
    N_("its posts are not kept private"),
    N_("nothing is public in it"),
)
