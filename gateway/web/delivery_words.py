"""Why a delivery stands where it does, in words. The reasons are those its steps write into the store."""

from collections.abc import Callable, Mapping

from gateway.web.catalogues import N_

REASONS: Mapping[str, str] = {
    "throttled": N_("The carrier asked us to slow down."),
    "later": N_("The carrier could not take it just then."),
    "unknown": N_("It left, and no answer came: the carrier may have it."),
    "unsettled": N_("It left, and nobody can say yet whether the carrier has it."),
    "lease ended": N_("The process that was sending it died: the carrier may have it."),
    "refused": N_("The carrier refuses this message."),
    "recipient gone": N_("This address does not exist any more, or cannot be reached this way."),
    "opted out at the carrier": N_("The carrier holds a STOP of this recipient."),
    "reply window closed": N_("This medium allows replies only for a while after the citizen wrote, and that is over."),
    "gave up after many tries": N_("It was tried many times, and the carrier never took it."),
    "misconfigured": N_("Our own settings or credentials for this channel are wrong: somebody must correct them."),
    "the carrier never had it": N_("The carrier says it never had it, so it is sent again."),
    "the carrier could not deliver it": N_("The carrier took it and could not deliver it."),
    "waits for an earlier message": N_("An earlier message of the same thread has not ended yet."),
    "the line waits": N_("Others failed on this channel just before: it waits until the carrier answers again."),
    "paused": N_("This channel is paused: it waits until somebody resumes it."),
    "waited too long": N_("It was not begun in time, and goes back into the queue."),
    "the store was away": N_("The database was away, and it goes back into the queue."),
    "stopped": N_("Whoever it was for had sent STOP."),
    "erased": N_("Whoever it was for had himself erased."),
    "withdrawn": N_("The post was withdrawn before it left."),
    "restored": N_("It was open when the backup was made that was restored: it may have been sent since."),
    "subscriber paused": N_("The subscriber is paused: it waits until somebody resumes it."),
    "subscriber gone": N_("The subscriber said that it is gone: it waits until somebody resumes it."),
    "subscriber failing": N_("The subscriber failed for days: it waits until somebody resumes it."),
    "unsubscribed": N_("The subscriber was removed."),
    "sent again by hand": N_("A member of staff had it sent again."),
    "no longer needed": N_("Dropped by staff: no longer needed"),
    "told another way": N_("Dropped by staff: told another way"),
    "wrong recipient": N_("Dropped by staff: wrong recipient"),
}
CARRIER_CODE = "carrier code "
# What a delivery waits for, with a time and without.
HOLDS: Mapping[str, tuple[str, str]] = {
    "time": (N_("It is due at %(until)s."), N_("It is due and goes out as soon as its turn comes.")),
    "turn": (
        N_("It waits for an earlier message of the same thread."),
        N_("It waits for an earlier message of the same thread."),
    ),
    "quiet": (N_("Quiet hours: it waits until %(until)s."), N_("Quiet hours: it waits.")),
    "budget": (
        N_("This channel’s budget for today is used up: it waits until %(until)s."),
        N_("This channel’s budget for today is used up."),
    ),
    "stop": (
        N_("Whoever it is for has sent STOP: it will be dropped."),
        N_("Whoever it is for has sent STOP: it will be dropped."),
    ),
    "channel": (N_("This channel is not on here."), N_("This channel is not on here.")),
    "carrier": (N_("It is tried again at %(until)s."), N_("It is tried again soon.")),
    "subscriber": (
        N_("It waits until somebody resumes its subscriber."),
        N_("It waits until somebody resumes its subscriber."),
    ),
    "settling": (
        N_("Nobody knows whether the carrier has it. The carrier is asked again at %(until)s."),
        N_("Nobody knows whether the carrier has it."),
    ),
    "receipt": (
        N_("The carrier has it. Its word that it arrived has not come yet."),
        N_("The carrier has it. Its word that it arrived has not come yet."),
    ),
}
FAULTS = (N_("choose deliveries first"), N_("choose fewer deliveries at once"))


def because(reason: str, gettext: Callable[[str], str]) -> str:
    """A stored reason as a sentence."""
    if reason.startswith(CARRIER_CODE):
        words = N_("The carrier could not deliver it; its code is %(code)s.")
        return gettext(words) % {"code": reason.removeprefix(CARRIER_CODE)}
    return gettext(REASONS.get(reason, reason))
