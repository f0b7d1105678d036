"""What a message of Twilio says, read from the fields of its webhook; one found in the list is written as such fields.

Source: twilio.com/docs/messaging/guides/webhook-request. Twilio adds fields without notice, and they come from
strangers' phones: what makes no sense is left out, and said in the log, and never a reason to refuse the rest.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from multidict import MultiDict

from gateway.schema import Place
from gateway.schema_incoming import IncomingMedia

MOST_MEDIA = 10
# Words that Twilio answers by itself when they are the whole message, in any case
# (help.twilio.com: "Twilio support for opt-out keywords").
CARRIER_WORDS = frozenset(
    "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT OPTOUT REVOKE START YES UNSTOP HELP INFO".split()  # noqa: SIM905
)
UNKNOWN_TYPE = "application/octet-stream"

# Below the account's own address: a message, and one of its files.
MEDIA = re.compile(r"/Messages/([A-Z]{2}[0-9a-zA-Z]{32})/Media/(ME[0-9a-zA-Z]{32})")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_LONGEST_URL = 1024
_LONGEST_TYPE = 64
_LONGEST_PLACE = 200

log = structlog.get_logger()


def carrier_replied(fields: Mapping[str, str]) -> bool:
    """Whether Twilio itself answers this message: to STOP, START and HELP, and to the words an account adds."""
    return "OptOutType" in fields or fields.get("Body", "").strip().upper() in CARRIER_WORDS


def media_of(fields: Mapping[str, str], sid: str) -> tuple[IncomingMedia, ...]:
    """The files of a message, each with an id of its own: Twilio's, or the message's with the file's number."""
    found: dict[str, IncomingMedia] = {}
    for number in range(_count(fields.get("NumMedia", "0"), sid)):
        url = fields.get(f"MediaUrl{number}", "")
        if not 0 < len(url) <= _LONGEST_URL:
            _ignore("a file without a usable address", sid)
            continue
        named = MEDIA.search(url)
        name = named[2] if named and named[2] not in found else f"{sid}:{number}"
        found[name] = IncomingMedia(name, url, _type(fields.get(f"MediaContentType{number}", "")))
    return tuple(found.values())


def place_of(fields: Mapping[str, str]) -> Place:
    """Where the sender shared to be (WhatsApp): WGS 84 degrees that can be, and the words that came with them."""
    words = dict.fromkeys(fields.get(name, "").strip() for name in ("Label", "Address"))
    name = ", ".join(word for word in words if word)[:_LONGEST_PLACE] or None
    lat, lon = _degrees(fields.get("Latitude", ""), 90), _degrees(fields.get("Longitude", ""), 180)
    return Place(name, lat, lon) if lat is not None and lon is not None else Place(name)


def fields_of(message: Any, media: Sequence[Any], home: str) -> MultiDict[str]:
    """A message of Twilio's list and its files as the webhook would have told of them."""
    fields = {
        "AccountSid": str(message.account_sid or ""),
        "Body": str(message.body or ""),
        "From": str(message.from_ or ""),
        "MessageSid": message.sid,
        "NumMedia": str(len(media)),
        "To": str(message.to or ""),
    }
    for number, file in enumerate(media):
        fields[f"MediaUrl{number}"] = f"{home}/Messages/{message.sid}/Media/{file.sid}"
        fields[f"MediaContentType{number}"] = str(file.content_type or "")
    return MultiDict(fields)


def _count(told: str, sid: str) -> int:
    """How many files there are, as far as that can be."""
    if not re.fullmatch("[0-9]{1,4}", told):
        _ignore("a number of files that is none", sid)
        return 0
    if int(told) > MOST_MEDIA:
        _ignore("files beyond the tenth", sid)
    return min(int(told), MOST_MEDIA)


def _type(told: str) -> str:
    kind = told.partition(";")[0].strip().lower()
    return kind if len(kind) <= _LONGEST_TYPE and _TYPE.fullmatch(kind) else UNKNOWN_TYPE


def _degrees(told: str, most: int) -> float | None:
    """A part of a position, when it is one."""
    if not re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]{1,20})?", told.strip()):
        return None
    value = float(told)
    return value if abs(value) <= most else None


def _ignore(reason: str, sid: str) -> None:
    log.warning("a part of a message is left out", action="sms.ignored", external_id=sid, reason=reason)
