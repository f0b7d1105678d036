"""What the operators' pages call the states and faults of channels, and what to do about each fault."""

from collections.abc import Mapping

from gateway.journey.breaker import BreakerState
from gateway.journey.health import Cause, Condition
from gateway.web.catalogues import N_

# What works, but for a carrier that is only simulated.
SIMULATED = "simulated"

CONDITIONS: Mapping[str, str] = {
    Condition.ON: N_("works"),
    Condition.HEALING: N_("sick, heals by itself"),
    Condition.ACT: N_("sick, a person must act"),
    Condition.PAUSED: N_("paused"),
    Condition.ISOLATED: N_("isolated"),
    Condition.OFF: N_("off"),
    SIMULATED: N_("simulated"),
}
# Told beside the colour: shapes are read from afar, and by those who do not see colours.
SIGNS: Mapping[str, str] = {
    Condition.ON: "✓",
    Condition.HEALING: "↻",
    Condition.ACT: "!",
    Condition.PAUSED: "‖",
    Condition.ISOLATED: "⇥",
    Condition.OFF: "○",
    SIMULATED: "≈",
}
CAUSES: Mapping[str, str] = {
    Cause.CREDENTIALS: N_("Credentials"),
    Cause.SETTINGS: N_("Refused for our settings"),
    Cause.UNREACHABLE: N_("Carrier out of reach"),
    Cause.CONNECTION: N_("Connection breaks"),
    Cause.SIGNATURES: N_("Signatures do not fit"),
    Cause.STUCK: N_("Nothing leaves"),
    Cause.REFUSED: N_("Many refused"),
    Cause.SILENT: N_("Far too quiet"),
}
REMEDIES: Mapping[str, str] = {
    Cause.CREDENTIALS: N_("Set the right credentials and start the gateway again; run.py check proves them."),
    Cause.SETTINGS: N_("Look at the carrier’s words under Deliveries, put the settings right and start again."),
    Cause.UNREACHABLE: N_("Nothing to do: one message at a time is tried until the carrier answers. Nothing is lost."),
    Cause.CONNECTION: N_("Nothing to do: it is connected again every few seconds. If it lasts, ask the carrier."),
    Cause.SIGNATURES: N_("Set the public URL to exactly what the carrier calls, and check the carrier’s secret."),
    Cause.STUCK: N_("Look at the log of the processes; start the gateway again."),
    Cause.REFUSED: N_("Look at the carrier’s words under Deliveries: a blocked sender, or a country not allowed."),
    Cause.SILENT: N_(
        "Send a message yourself. If it does not arrive, see whether the carrier still calls our address."
    ),
}
BREAKERS: Mapping[str, str] = {
    BreakerState.CLOSED: N_("sends"),
    BreakerState.OPEN: N_("sends nothing for now"),
    BreakerState.HALF_OPEN: N_("tries one message"),
}
STANDINGS: Mapping[str, str] = {
    "ready": N_("work"),
    "later": N_("could not be proved just now"),
    "ask": N_("do not work"),
    "never": N_("cannot work here"),
}
# Where a bulletin of the radio stands, and what was just done with one.
BULLETINS: Mapping[str, str] = {
    "due": N_("Being spoken"),
    "ready": N_("On the air"),
    "failed": N_("Could not be spoken"),
    "withdrawn": N_("Taken off the air"),
}
BULLETIN_DONE: Mapping[str, str] = {
    "made": N_("A bulletin is being spoken, in each language. It is on the air in a few seconds."),
    "anew": N_("It is being composed and spoken again."),
    "withdraw": N_("It is off the air. What it told may be told by the next one."),
    "restore": N_("It is on the air again."),
}
TABLES: Mapping[str, Mapping[str, str]] = {
    "bulletin": BULLETINS,
    "bulletin_done": BULLETIN_DONE,
    "condition": CONDITIONS,
    "sign": SIGNS,
    "cause": CAUSES,
    "remedy": REMEDIES,
    "breaker": BREAKERS,
    "standing": STANDINGS,
}
