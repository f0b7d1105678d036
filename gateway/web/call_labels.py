"""What the pages call the steps of a call and its end; one they do not know is shown by its own name."""

from collections.abc import Mapping

from gateway.web.catalogues import N_

STEPS: Mapping[str, str] = {
    "greeting": N_("greeting"),
    "language": N_("choosing a language"),
    "menu": N_("menu"),
    "speaking": N_("speaking"),
    "confirming": N_("confirming"),
    "where": N_("saying where it is"),
    "ticket": N_("keying a ticket"),
    "status": N_("hearing an answer"),
    "marking": N_("judging an answer"),
    "why": N_("saying what is still wrong"),
    "news": N_("hearing the news"),
    "services": N_("choosing a service"),
    "service word": N_("asking for a service"),
    "service": N_("hearing a service"),
    "transfer": N_("being put through"),
    "callback": N_("asking to be called back"),
    "emergency": N_("told the emergency number"),
    "emergency transfer": N_("being put through to the emergency number"),
    "ending": N_("saying goodbye"),
}
ENDS: Mapping[str, str] = {
    "finished": N_("said all"),
    "hung_up": N_("hung up"),
    "transferred": N_("put through to a person"),
    "failed": N_("broken off by a fault"),
    "lost": N_("lost: the line went silent"),
}
TABLES: Mapping[str, Mapping[str, str]] = {"call_step": STEPS, "call_end": ENDS}
