"""What the pages call things, by the table a template names. The words are English; drawing translates them."""

from collections.abc import Mapping

from gateway.web import (
    call_labels,
    casework_labels,
    channel_labels,
    delivery_labels,
    duty_labels,
    moderation_labels,
    organisation_labels,
    phrase_labels,
    post_labels,
    routing_labels,
    service_labels,
    staff_labels,
)
from gateway.web.catalogues import N_

# Who acts in the history beside staff, who stand there by name.
ACTORS: Mapping[str, str] = {"author": N_("the author"), "rule": N_("a rule"), "clock": N_("the clock")}
ROLES: Mapping[str, str] = {
    "administrator": N_("Administrator"),
    "moderator": N_("Moderator"),
    "officer": N_("Department officer"),
    "viewer": N_("Viewer"),
}
MODES: Mapping[str, str] = {"on": N_("on"), "off": N_("off"), "simulated": N_("simulated")}

# By channel, else by medium: the first part of its name. What is not listed here is shown by its own name.
MEDIUMS: Mapping[str, str] = {
    "sms": N_("Text message"),
    "voice": N_("Hotline"),
    "web_form": N_("Web form"),
    "web_comment": N_("Addition on the site"),
    "web_chat": N_("Chat"),
    "portal": N_("This site"),
    "feeds": N_("Feeds"),
    "radio": N_("Radio"),
    "console": N_("City staff"),
    "webhook": N_("Webhook"),
}

# What people call a line, by the scheme of its address. One that is not listed is shown by its own name.
LINES: Mapping[str, str] = {"tel": N_("Telephone"), "web": N_("Browser"), "wechat": N_("WeChat")}
TABLES: Mapping[str, Mapping[str, str]] = {
    **call_labels.TABLES,
    **channel_labels.TABLES,
    **organisation_labels.TABLES,
    **casework_labels.TABLES,
    **routing_labels.TABLES,
    **staff_labels.TABLES,
    **service_labels.TABLES,
    **phrase_labels.TABLES,
    **duty_labels.TABLES,
    **post_labels.TABLES,
    **moderation_labels.TABLES,
    **delivery_labels.TABLES,
    "actor": ACTORS,
    "role": ROLES,
    "mode": MODES,
    "line": LINES,
}


def medium(channel: str) -> str:
    """What people call the medium of a channel, in English."""
    return MEDIUMS.get(channel) or MEDIUMS.get(channel.split("_", 1)[0], channel)
