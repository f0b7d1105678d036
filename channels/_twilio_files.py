"""The files Twilio holds for us: fetched within bounds, and our credentials told to nobody but Twilio."""

from aiohttp import ClientSession
from yarl import URL

from channels._http import Answer, ask
from channels.failures import Refused

_FETCH_SECONDS = 60.0
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def download(http: ClientSession, url: URL, *, home: URL, proof: str, most_bytes: int) -> Answer:
    """Follow Twilio from one of its addresses to where the file lies (signed, on another host).

    `home` is Twilio's API: `proof`, our Authorization header, goes there alone. Raises `Refused` for a way that leads
    nowhere or on for ever, and what `ask` raises.
    """
    for _ in range(_MOST_REDIRECTS + 1):
        headers = {"Authorization": proof} if url.origin() == home.origin() else {}
        answer = await ask(http, "GET", url, seconds=_FETCH_SECONDS, most_bytes=most_bytes, headers=headers)
        if answer.status not in _REDIRECTS:
            return answer
        url = _next(url, answer.headers.get("Location", ""))
        if url.scheme not in ("https", home.scheme):
            raise Refused("sent on to an address that is not safe")
    raise Refused("sent on too often")


def _next(url: URL, location: str) -> URL:
    """Where a redirect leads, its signature untouched."""
    try:
        onward = url.join(URL(location, encoded=True))
        onward.origin()
    except ValueError:
        raise Refused("sent on to nowhere") from None
    if onward == url:
        raise Refused("sent on to where it came from")
    return onward
