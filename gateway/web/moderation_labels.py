"""What the pages call decisions, the filter's rulings and lists, and the ways posts are decided."""

from collections.abc import Callable, Mapping

from gateway.schema import Action, Ruling
from gateway.web.catalogues import N_

ACTIONS: Mapping[str, str] = {
    Action.PUBLISH: N_("Publish"),
    Action.HOLD: N_("Hold for a second look"),
    Action.REJECT: N_("Reject"),
    Action.WITHDRAW: N_("Withdraw"),
    Action.CORRECT: N_("Correct the text"),
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

# What is hidden in texts before they are published, by the settings.
MASKED: Mapping[str, str] = {
    "phones": N_("telephone numbers"),
    "id_cards": N_("ID numbers"),
    "bank_cards": N_("bank card numbers"),
    "plates": N_("number plates"),
    "emails": N_("e-mail addresses"),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "action": ACTIONS,
    "ruling": RULINGS,
    "rule": RULES,
    "list": LISTS,
    "list_effect": LIST_EFFECTS,
    "reason": REASONS,
    "moderation_mode": MODERATION_MODES,
    "mode_effect": MODE_EFFECTS,
    "did": DID,
    "masked": MASKED,
}


def rule(name: str, gettext: Callable[[str], str]) -> str:
    """What a rule that held a post is called, in a language: of a word in a list the list and the word."""
    kind, _, word = name.partition(":")
    if name in RULES or kind not in LISTS:
        return gettext(RULES.get(name, name))
    return f"{gettext(LISTS[kind])}: {word}"
