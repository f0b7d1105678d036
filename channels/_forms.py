"""What makes a sent form, or a program's request, one: sent twice it is kept once, changed in between it is another."""

import hashlib
import re
from collections.abc import Iterable

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput

LONGEST_KEY = 200
_FORM_ID = re.compile(r"[0-9a-f]{32}")


def form_key(form_id: str, said: Iterable[str]) -> str:
    """The id of a form's content. `form_id` is what its page was drawn with. Raises `BadInput` for another."""
    if not _FORM_ID.fullmatch(form_id):
        raise BadInput("load the page again and send once more", "text")
    digest = hashlib.sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()
    return f"form:{form_id}:{digest[:16]}"


def request_key(request: web.Request) -> str:
    """The id of a program's request: by its Idempotency-Key, else a new one. Raises `BadInput` for one too long."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY:
        raise BadInput(f"at most {LONGEST_KEY} characters", "Idempotency-Key")
    if not key:
        return f"api:{clock.new_id()}"
    return f"key:{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()}"


def lines(typed: str) -> str:
    """A text as people typed it: browsers send every line break as two characters, and people counted one."""
    return typed.replace("\r\n", "\n")
