"""The form on the site, which works without JavaScript, and `POST /api/v1/posts` for programs."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import phonenumbers
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels.base import Capabilities, Channel, ChannelSettings, Desk, Guard, Route, Surroundings
from gateway import clock
from gateway.errors import BadInput
from gateway.schema import CITIZEN_KINDS, Incoming, Kind, Place, Taken

FORM = "/new"
API = "/api/v1/posts"
LONGEST_KEY = 200
_FORM_ID = re.compile(r"[0-9a-f]{32}")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_CITIZENS = tuple(kind.value for kind in CITIZEN_KINDS)


class FormSettings(ChannelSettings):
    """`[web_form]`: the longest text taken."""

    longest: int = Field(2000, ge=160, le=100_000)


class NewPost(BaseModel):
    """What a program, or the form, says for a citizen. `contact` is a mobile number, proved by a code before use."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    text: str = Field(min_length=1, max_length=100_000)
    kind: Annotated[Kind, Field(strict=False)] = Kind.REPORT
    category: str | None = Field(None, pattern="^[a-z0-9-]{1,64}$")
    place: str | None = Field(None, max_length=200)
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    name: str | None = Field(None, max_length=100)
    contact: str | None = Field(None, max_length=32)
    private: bool = False


class TooLong(BadInput):
    """A text above the limit; nothing is cut off silently, so both counts are told."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(f"this has {length} characters; at most {most} are taken", "text")
        self.length = length


class Adapter(Channel):
    """The form, in its two shapes."""

    name = "web_form"
    capabilities = Capabilities(receives=True)
    Settings = FormSettings
    BODY = NewPost

    def __init__(self, settings: FormSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._longest = settings.longest

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The page, where it is sent, and the same for programs."""
        return (
            Route("GET", FORM, Guard.PUBLIC, partial(self._page, desk)),
            Route("POST", FORM, Guard.PUBLIC, partial(self._sent, desk)),
            Route("POST", API, Guard.PUBLIC, partial(self._api, desk)),
        )

    async def _page(self, desk: Desk, request: web.Request) -> web.Response:
        return await self._draw(desk, request, {}, {})

    async def _sent(self, desk: Desk, request: web.Request) -> web.Response:
        """Take the form; what is wrong is shown beside its field, with everything else as it was typed."""
        # Browsers send every line break as two characters; people counted one.
        sent = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        form = {name: value.replace("\r\n", "\n") for name, value in sent.items()}
        form_id = form.get("form_id", "")
        try:
            if not _FORM_ID.fullmatch(form_id):
                raise BadInput("load the page again and send once more", "text")
            body = self._read(_fields(form))
            taken = await self._take(desk, body, _form_key(form_id, form), desk.visitor(request), await request.read())
        except TooLong as error:
            return await self._draw(desk, request, form, {"text": "this is too long"}, error.status, error.length)
        except BadInput as error:
            return await self._draw(desk, request, form, {error.field or "text": str(error)}, error.status)
        ask = "&code=1" if taken.code_sent else ""
        raise web.HTTPSeeOther(f"/posts/{taken.ticket}?new=1{ask}")

    async def _api(self, desk: Desk, request: web.Request) -> web.Response:
        """202 with the ticket. A program's post belongs to nobody's browser: each is a citizen of its own."""
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > LONGEST_KEY:
            raise BadInput(f"at most {LONGEST_KEY} characters", "Idempotency-Key")
        external_id = (
            f"key:{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()}"
            if key
            else f"api:{clock.new_id()}"
        )
        body = self._read(await _body(request))
        taken = await self._take(desk, body, external_id, None, await request.read())
        url = f"{self.city.public_url}/posts/{taken.ticket}"
        answer = {"ticket": taken.ticket, "state": taken.state, "url": url, "code_sent": taken.code_sent}
        return web.json_response(answer, status=202, headers={"Location": url})

    def _read(self, fields: Mapping[str, Any]) -> NewPost:
        """Check what was typed. Raises `BadInput` with the first field that is wrong."""
        try:
            body = NewPost.model_validate(fields)
        except ValidationError as error:
            raise _bad_input(error) from error
        if len(body.text) > self._longest:
            raise TooLong(len(body.text), self._longest)
        if body.kind not in CITIZEN_KINDS:
            raise BadInput("choose one of the list", "kind")
        return body

    async def _take(self, desk: Desk, body: NewPost, external_id: str, address: str | None, raw: bytes) -> Taken:
        taken = await desk.take(
            Incoming(
                channel=self.name,
                external_id=external_id,
                text=body.text,
                received_at=clock.now(),
                address=address,
                kind=body.kind,
                category=body.category,
                place=Place(body.place or None, body.lat, body.lon),
                private=body.private,
                name=body.name or None,
                contact=self._contact(body.contact) if body.contact else None,
                commands=False,
                raw=raw,
            )
        )
        if taken.ticket is None:
            # Nothing but signs that nobody sees: cleaned, it is empty, and no post was made of it.
            raise BadInput("write what is wrong and where", "text")
        return taken

    def _contact(self, typed: str) -> str:
        """A mobile number as a URN. Raises `BadInput` for what is none."""
        try:
            number = phonenumbers.parse(typed, self.city.country)
        except phonenumbers.NumberParseException:
            raise BadInput("this is no telephone number", "contact") from None
        if not phonenumbers.is_possible_number(number):
            raise BadInput("this is no telephone number", "contact")
        return f"tel:{phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)}"

    async def _draw(
        self,
        desk: Desk,
        request: web.Request,
        typed: Mapping[str, str],
        faults: Mapping[str, str],
        status: int = 200,
        length: int | None = None,
    ) -> web.Response:
        """The form, with what was typed; `length` is that of a text too long."""
        values = {
            "length": length,
            "typed": typed,
            "faults": faults,
            "form_id": typed.get("form_id") or clock.new_id(),
            "kinds": _CITIZENS,
            "longest": self._longest,
        }
        return await desk.page(request, "new.html", values, status)


def _bad_input(error: ValidationError) -> BadInput:
    """The first fault in words that a page can translate and a program can show."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0]) if first["loc"] else None
    if field == "text" and first["type"] in ("string_too_short", "missing"):
        return BadInput("write what is wrong and where", field)
    if first["type"] == "string_too_long":
        return BadInput("this is too long", field)
    if field in ("kind", "category"):
        return BadInput("choose one of the list", field)
    return BadInput(str(first["msg"]), field)


def _form_key(form_id: str, form: Mapping[str, str]) -> str:
    """What makes a sent form one: the same sent twice is one post, but changed after going back it is another."""
    said = "\0".join(form.get(name, "") for name in NewPost.model_fields)
    return f"form:{form_id}:{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _fields(form: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields in their types; what was left empty is not there."""
    known = {name: value for name, value in form.items() if name in NewPost.model_fields and value.strip()}
    fields: dict[str, Any] = {name: value for name, value in known.items() if name not in ("private", "lat", "lon")}
    fields["private"] = known.get("private", "") in ("1", "on", "true", "yes")
    fields["text"] = known.get("text", "")
    for name in ("lat", "lon"):
        if name in known:
            fields[name] = _degrees(known[name], name)
    return fields


def _degrees(value: str, name: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadInput("degrees as a number", name) from None


async def _body(request: web.Request) -> Mapping[str, Any]:
    """The body of a program's request, JSON or a form. Raises `BadInput`."""
    if request.content_type == "application/json":
        try:
            value = await request.json()
        except (ValueError, RecursionError):
            raise BadInput("this is no JSON") from None
        if not isinstance(value, dict):
            raise BadInput("send one JSON object")
        if "media" in value:
            raise BadInput("pictures and sound are not taken yet", "media")
        return value
    if request.content_type not in _FORM_TYPES:
        raise BadInput("send JSON or a form")
    form = await request.post()
    if "media" in form or any(not isinstance(value, str) for value in form.values()):
        raise BadInput("pictures and sound are not taken yet", "media")
    strangers = sorted(set(form) - set(NewPost.model_fields))
    if strangers:
        raise BadInput("no such field", strangers[0][:64])
    return _fields({name: str(value) for name, value in form.items()})
