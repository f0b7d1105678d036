"""Whether our number is set up at Twilio as it must be, and what to change there when it is not.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource, and .../usage/webhooks/webhooks-connection-
overrides: by itself Twilio repeats a request once, and only when the connection could not be made. What it should do
beyond that stands behind a # in the address; that part is never sent, and not signed.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from yarl import URL

# Three tries more, after whatever went wrong: what comes twice is kept once.
RETRIES = "#rc=3&rp=all"


@dataclass(frozen=True, slots=True)
class Entrance:
    """One use of a number: the beginning of its fields at Twilio, what the console calls it, and our path for it."""

    fields: str
    title: str
    path: str


def advice(number: Any, entrance: Entrance, url: str) -> list[str]:
    """What to change at Twilio so that a number's messages or calls reach `url`, a sentence each.

    `number` has the fields of Twilio's IncomingPhoneNumber resource.
    """

    def told(field: str) -> str:
        return str(getattr(number, f"{entrance.fields}_{field}", None) or "")

    if told("application_sid") or (entrance.fields == "voice" and getattr(number, "trunk_sid", None)):
        return [f"an app or trunk has the number at Twilio: set {entrance.title!r} on the number to {url}{RETRIES}"]
    sentences = []
    if not _same(told("url"), url) or told("method") != "POST":
        sentences.append(f"set at Twilio, for the number, {entrance.title!r} to {url}{RETRIES}, HTTP POST")
    elif not _is_repeated(told("url")):
        sentences.append(f"let Twilio repeat what fails: write {entrance.title!r} as {url}{RETRIES}")
    if not _same(told("fallback_url"), url) or told("fallback_method") != "POST":
        sentences.append(f"set at Twilio 'Primary handler fails' of {entrance.title!r} to {url}, HTTP POST")
    return sentences


def _same(given: str, wanted: str) -> bool:
    """Whether two addresses are one, whatever stands behind the #."""
    try:
        return _bare(given) == _bare(wanted)
    except ValueError:
        return False


def _bare(address: str) -> URL:
    url = URL(address).with_fragment(None)
    return url.with_port(None) if url.is_default_port() else url


def _is_repeated(url: str) -> bool:
    """Whether Twilio tries again when our answer is an error."""
    overrides = parse_qs(URL(url).fragment)
    policies = ",".join(overrides.get("rp", [])).split(",")
    return overrides.get("rc", ["0"])[0] in ("1", "2", "3", "4", "5") and bool({"all", "5xx"} & set(policies))
