"""What the pages call what has to do with daily phrases. Translated where it is drawn."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

CAMPAIGN_DONE: Mapping[str, str] = {
    "made": N_("The campaign is there. Put its phrases in now."),
    "changed": N_("The campaign was changed."),
    "filled": N_("The phrases stand in the calendar."),
    "dropped": N_("The day has no phrase any more."),
    "codes": N_("The codes are sealed."),
    "codes-remove": N_("The codes nobody was given are deleted."),
    "barred": N_("This number is excluded from the draw."),
    "let-in": N_("This number takes part again."),
    "call-off": N_("The campaign was cancelled."),
    "resume": N_("The campaign goes on."),
    "draw": N_("The winners are drawn. They are told when this can be undone no more."),
    "draw-undo": N_("The draw is undone. Drawn again, the same numbers win, unless somebody is kept out."),
}
# What who posted a phrase in the form reads on its page.
PHRASE_SAID: Mapping[str, str] = {
    "phrase_taken": N_("Thank you: you take part today."),
    "phrase_again": N_("You take part today already; once a day is enough."),
    "phrase_over": N_("That was the phrase of another day. Today’s stands below."),
    "phrase_barred": N_("Your line was taken out of the draw. If that is wrong, write to us what happened."),
    "phrase_young": N_("Only lines that have been in touch for some days may take part. Please try again later."),
    "phrase_network": N_("Many take part from your network today already. Please send the phrase by text message."),
}
# What deliveries say.
PHRASES: Mapping[str, str] = {
    "phrase_taken": N_("that it takes part"),
    "phrase_again": N_("that it takes part already"),
    "phrase_over": N_("that the phrase is another day’s"),
    "phrase_no_line": N_("that it cannot take part"),
    "phrase_young": N_("that it cannot take part"),
    "phrase_network": N_("that it cannot take part"),
    "phrase_barred": N_("that it cannot take part"),
    "phrase_won": N_("that it won"),
}
AUDIT: Mapping[str, str] = {
    "campaign made": N_("campaign of phrases made"),
    "campaign changed": N_("campaign of phrases changed"),
    "campaign called off": N_("campaign of phrases called off"),
    "campaign resumed": N_("campaign of phrases resumed"),
    "campaign drawn": N_("winners drawn"),
    "draw undone": N_("draw undone"),
    "phrases set": N_("phrases put into a calendar"),
    "phrase removed": N_("phrase taken out of a calendar"),
    "codes uploaded": N_("codes uploaded"),
    "codes removed": N_("codes removed"),
    "participant barred": N_("participant kept out"),
    "participant let in": N_("participant let in again"),
}
# What deliberate errors say, word for word as they are raised elsewhere.
FAULTS = (
    N_("this is the phrase of the day: to take part, send it by text message or in the chat"),
    N_("a campaign with this address is there already"),
    N_("there is no such campaign"),
    N_("this campaign was drawn already"),
    N_("this campaign was called off"),
    N_("this campaign is not over yet"),
    N_("this change is not possible any more"),
    N_("this is promised since the campaign began"),
    N_("the calendar has phrases outside of these days; take them out first"),
    N_("one of these days was told already"),
    N_("this day was told already, or is not there any more"),
    N_("nobody takes part with this number"),
    N_("upload more codes first: each winner gets one"),
    N_("each day has one phrase"),
    N_("give one phrase a line: day | Chinese | English"),
    N_("begin with the day, like 2027-03-01"),
    N_("this day is outside of the campaign"),
    N_("a phrase needs words"),
    N_("this already means something else, or is too short"),
    N_("this has words of the filter’s lists"),
    N_("give one code a line, at most 10000"),
    N_("a code has at most 64 characters, all to be seen"),
    N_("this file is no text in UTF-8"),
    N_("give it in every language"),
    N_("small letters, figures and dashes"),
    N_("a time of day, like 08:00"),
    N_("a campaign ends after it begins, and within a year"),
    N_("a number within the limits"),
)
TABLES: Mapping[str, Mapping[str, str]] = {"campaign_done": CAMPAIGN_DONE, "phrase_said": PHRASE_SAID}
