"""What somebody typed into a form that could not be taken: given back on the page that says so, never lost.

Files cannot be given back; passwords and codes never are. A form that does not prove to be our own comes back to be
read and copied only: sending it with a fresh token would make a stranger's form ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.errors import NotAllowed
from gateway.web import auth
from gateway.web.keys import RUNTIME, TYPED

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
PASSWORDS = frozenset({"password", "current"})
NEVER_SHOWN = PASSWORDS | {"csrf", "code"}
# Fields of more characters, or with line breaks, are shown to be read; the rest goes along unseen.
SHORT = 40


@dataclass(frozen=True, slots=True)
class Kept:
    """A form's fields in their order, where they went, and whether they may be sent there once more."""

    action: str
    long: Sequence[tuple[str, str]]
    short: Sequence[tuple[str, str]]
    ours: bool
    files: bool


async def kept(request: web.Request) -> Kept | None:
    """The form of a request, or None when it is none, has no words, or holds what must not be shown again."""
    if request.method != "POST" or request.content_type not in FORMS:
        return None
    fields = await _fields(request)
    if PASSWORDS & {name for name, _ in fields}:
        return None
    words = [(name, str(value)) for name, value in fields if isinstance(value, str) and name not in NEVER_SHOWN]
    long = [(name, value) for name, value in words if len(value) > SHORT or "\n" in value]
    if not any(value.strip() for _, value in words):
        return None
    token = next((str(value) for name, value in fields if name == "csrf"), "")
    files = any(not isinstance(value, str) and value for _, value in fields)
    short = [pair for pair in words if pair not in long]
    return Kept(request.rel_url.raw_path, long, short, _is_ours(request, token), files)


async def _fields(request: web.Request) -> Sequence[tuple[str, object]]:
    """What was read of the form already; else it is read, if it is no larger than forms without files."""
    if TYPED in request:
        read = request[TYPED]
        return read
    if (request.content_length or 0) > request.app[RUNTIME].settings.server.body_limit:
        return ()
    try:
        return list((await request.post()).items())
    except Exception:  # noqa: BLE001  (a body that cannot be read has nothing to give back)
        return ()


def _is_ours(request: web.Request, token: str) -> bool:
    try:
        auth.check_csrf(request, token)
    except NotAllowed:
        return False
    return True
