"""What the pages of the inbox, the notes and the answers call things. The words are English here (see `labels`)."""

from collections.abc import Mapping

from gateway.schema_cases import CaseStep, Due, Level
from gateway.schema_outgoing import AlarmSubject, ToldBy
from gateway.web.catalogues import N_

LANGUAGES: Mapping[str, str] = {"zh": N_("Chinese"), "en": N_("English")}
# What is done to a case: on its buttons, and in its history.
STEPS: Mapping[str, str] = {
    CaseStep.ACCEPT: N_("Accept"),
    CaseStep.BEGIN: N_("Begin the work"),
    CaseStep.ASK: N_("Ask the citizen"),
    CaseStep.RESUME: N_("Go on without waiting"),
    CaseStep.PASS_ON: N_("Pass on"),
    CaseStep.REFUSE: N_("Send back"),
    CaseStep.CLOSE: N_("Close"),
    CaseStep.REOPEN: N_("Open again"),
    CaseStep.ASSIGN: N_("Give to a department"),
    CaseStep.MERGE: N_("Join to another report"),
    CaseStep.SEPARATE: N_("Separate again"),
}
STEPS_DONE: Mapping[str, str] = {
    f"case_{CaseStep.ACCEPT}": N_("accepted the case"),
    f"case_{CaseStep.BEGIN}": N_("began the work"),
    f"case_{CaseStep.ASK}": N_("asked the citizen; the deadline is paused"),
    f"case_{CaseStep.RESUME}": N_("resumed the deadline"),
    f"case_{CaseStep.PASS_ON}": N_("asked to pass it on to"),
    f"case_{CaseStep.REFUSE}": N_("sent it back"),
    f"case_{CaseStep.CLOSE}": N_("closed the case"),
    f"case_{CaseStep.REOPEN}": N_("opened the case again"),
    f"case_{CaseStep.ASSIGN}": N_("gave it to"),
    f"case_{CaseStep.MERGE}": N_("joined to it the report"),
    f"case_{CaseStep.SEPARATE}": N_("separated from it the report"),
    # What the clock did, and whose case it is.
    "case_reminded": N_("deadline near: reminded the officer"),
    f"case_late_{Level.OFFICER}": N_("late: for the officer"),
    f"case_late_{Level.HEAD}": N_("late: for the head of the department"),
    f"case_late_{Level.SUPERVISOR}": N_("late: for the supervisors"),
    f"case_late_{Level.PUBLIC}": N_("late: on the public list"),
    "case_bad_mark": N_("bad mark: for the supervisors"),
    "officer_given": N_("gave the case to"),
    "officer_freed": N_("gave the case back to the whole department"),
}
DUES: Mapping[str, str] = {
    Due.ACKNOWLEDGE: N_("to be accepted"),
    Due.ANSWER: N_("to be answered"),
    Due.ACCEPT: N_("to be taken over"),
}
LEVELS: Mapping[str, str] = {
    Level.OFFICER: N_("officer"),
    Level.HEAD: N_("head of the department"),
    Level.SUPERVISOR: N_("supervisors"),
    Level.PUBLIC: N_("public list"),
}
# What is said to citizens about their cases, and to whoever reports what others do.
PHRASES: Mapping[str, str] = {
    "case_asked": N_("what the department asks"),
    "mark_thanks": N_("thanks for a mark"),
    "mark_taken_back": N_("thanks for a mark"),
    "mark_bad": N_("that a bad mark is noted"),
    "mark_reopened": N_("that the case is open again"),
    "mark_late": N_("that there is nothing to mark"),
    "mark_unknown": N_("that there is nothing to mark"),
    "mark_none": N_("that there is nothing to mark"),
    "join_ask": N_("whether others report the same"),
    "join_which": N_("how to join a report"),
    "join_own": N_("that the report is his own"),
    "joined_own": N_("that it was joined"),
    "counted_in": N_("that he is counted in"),
    "answered_joined": N_("the department’s answer"),
    "parted": N_("that it is a report of its own"),
}
# Of what somebody of the staff may be told on his own line.
ALARM_SUBJECTS: Mapping[str, str] = {
    AlarmSubject.INCIDENTS: N_("A channel fails or recovers"),
    AlarmSubject.REMINDERS: N_("A case was given to me, or its deadline is near"),
    AlarmSubject.ESCALATIONS: N_("A deadline has passed or an author gave a bad mark, and it is now with me"),
}
# How somebody of the staff is told of cases.
TOLD_BY: Mapping[str, str] = {
    ToldBy.TEXT: N_("By a text to this number"),
    ToldBy.CALL: N_("By a call to this number; if it cannot be placed, by a text"),
    ToldBy.CONSOLE: N_("Only in the console"),
}
# What is to be written to a step, above its field.
STEP_WORDS: Mapping[str, str] = {
    CaseStep.ASK: N_("What the citizen is asked, on the line he used"),
    CaseStep.PASS_ON: N_("Why it is not yours"),
    CaseStep.REFUSE: N_("Why it is not yours"),
    CaseStep.REOPEN: N_("Why it is not done"),
}
# What an author says of an answer, beside its stars.
JUDGED: Mapping[str, str] = {"solved": N_("solved"), "unsolved": N_("not solved")}
SPANS: Mapping[str, str] = {"urgent": N_("urgent"), "normal": N_("normal"), "hard": N_("hard")}
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
# What deliberate errors say to people, as in `fault_labels.FAULTS`.
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
    N_("there is no case of this thread"),
    N_("this step is not possible any more"),
    N_("this step is for another department"),
    N_("it is this department’s already"),
    N_("say in a few words what or why"),
    N_("choose a mark from 1 to 5"),
    N_("only photos can be added to an answer"),
    N_("only who wrote it can say this"),
    N_("there is no answer to judge just now"),
    N_("type the ticket of the other report"),
    N_("there is no such ticket"),
    N_("choose another report than this one"),
    N_("only reports can be joined"),
    N_("this report is answered already"),
    N_("a report can only be joined to one that is public"),
    N_("this report is joined to no other one"),
    N_("its author had it erased; nothing is left that could stand by itself"),
    N_("this report was joined to another one; separate it first"),
    N_("this report was joined to another one: answer that one"),
    N_("only what was added to a report can be made one of its own"),
    N_("this can be put back no more"),
    N_("this report is not public any more, so it cannot be joined"),
    N_("choose an officer of the department"),
    N_("choose from the list"),
    N_("only an officer of one department can be its head"),
)
TABLES: Mapping[str, Mapping[str, str]] = {
    "language": LANGUAGES,
    "field": FIELDS,
    "step": STEPS,
    "step_words": STEP_WORDS,
    "span": SPANS,
    "judged": JUDGED,
    "deadline": DUES,
    "level": LEVELS,
    "alarm_subject": ALARM_SUBJECTS,
    "told_by": TOLD_BY,
}
