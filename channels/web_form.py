"""The form on the site, which works without JavaScript, and `POST /api/v1/posts` for programs."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import phonenumbers
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels import _forms, _joining, _uploads
from channels._uploads import BadFile, File
from channels.base import Capabilities, Channel, ChannelSettings, Guard, Route, Surroundings
from channels.desk import Desk
from gateway import clock
from gateway.errors import BadInput, Conflict, TooMany
from gateway.schema import CITIZEN_KINDS, LANGUAGES, Kind, Place, PlaceFrom
from gateway.schema_incoming import Incoming, IncomingMedia, Outcome, Taken

FORM = "/new"
OFFERED = "/new/offered"
API = "/api/v1/posts"
# Where who posts the phrase of the day sees how he takes part.
PHRASE = "/phrase"
# What is ticked or not.
TICKS = ("private", "own_voice")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_CITIZENS = tuple(kind.value for kind in CITIZEN_KINDS)


class FormSettings(ChannelSettings):
    """`[web_form]`: the longest text taken."""

    longest: int = Field(2000, ge=160, le=100_000)


class NewPost(BaseModel):
    """What a program, or the form, says for a citizen. `contact` is a mobile number, proved by a code before use.

    `language` is what is spoken in recordings sent with it, `own_voice` whether they may be heard on the radio.
    """

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
    own_voice: bool = False
    language: str | None = Field(None, pattern=f"^({'|'.join(LANGUAGES)})$")


class NewPostWithFiles(NewPost):
    """The same as a form with files in parts named `media`: photos and recordings may say it all."""

    text: str = Field("", max_length=100_000)


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
    FORM = NewPostWithFiles

    def __init__(self, settings: FormSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._longest = settings.longest

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The page, where it is sent, what others said alike, and the same for programs."""
        return (
            Route("GET", FORM, Guard.PUBLIC, partial(self._page, desk)),
            Route("POST", FORM, Guard.PUBLIC, partial(self._sent, desk), self.uploads.most_together),
            Route("POST", OFFERED, Guard.PUBLIC, partial(self._offered, desk), looks=True),
            Route("GET", _joining.PAGE, Guard.PUBLIC, partial(_joining.page, desk)),
            Route("POST", _joining.PAGE, Guard.PUBLIC, partial(self._joined, desk)),
            Route("POST", API, Guard.PUBLIC, partial(self._api, desk), self.uploads.most_together),
        )

    async def _page(self, desk: Desk, request: web.Request) -> web.Response:
        return await self._draw(desk, request, {}, {})

    async def _offered(self, desk: Desk, request: web.Request) -> web.Response:
        """What others reported that is likely the same, while somebody writes: a part of the page."""
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        if len(form.get("text", "")) > self._longest:
            return web.Response(content_type="text/html")
        found = await _joining.offered(desk, form)
        return web.Response(
            text=desk.draw(desk.language(request), "offered.html", {"offered": found}), content_type="text/html"
        )

    async def _joined(self, desk: Desk, request: web.Request) -> web.Response:
        return await _joining.sent(desk, request, self.name)

    async def _sent(self, desk: Desk, request: web.Request) -> web.Response:
        """Take the form; what is wrong is shown beside its field, with everything else as it was typed."""
        posted = await request.post()
        form = {name: _forms.lines(value) for name, value in posted.items() if isinstance(value, str)}
        try:
            if ticket := form.get("join", ""):
                await _joining.count_in(desk, request, self.name, ticket[:8], form.get("form_id", ""))
                raise web.HTTPSeeOther(f"/posts/{ticket[:8]}?joined=1")
            files = _uploads.sent(posted)
            body = self._read(_fields(form), files)
            # Chosen files would be lost on the way back: what comes with them is taken as it is.
            like = [] if files or body.private else await _joining.offered(desk, form)
            if {post.ticket for post in like} - {str(one) for one in posted.getall("offered", [])}:
                return await self._draw(desk, request, form, {}, offered=like, asks=True)
            media = await _uploads.hand_in(desk, files, self.uploads, body.language)
            taken = await self._take(
                desk,
                body,
                external_id=_form_key(form, media),
                address=desk.visitor(request),
                media=media,
                place_from=PlaceFrom.BROWSER if body.lat is not None else PlaceFrom.TYPED,
                raw=_raw(form),
                network=desk.network(request),
            )
        except Conflict as error:
            return await self._draw(desk, request, form, {"text": str(error)}, error.status)
        except (BadInput, TooMany) as error:
            return await self._again(desk, request, form, error, lost=any(posted.getall(_uploads.FIELD, [])))
        if taken.outcome is Outcome.PHRASE:
            raise web.HTTPSeeOther(f"{PHRASE}?said={taken.say.phrase}")
        ask = "&code=1" if taken.code_sent else ""
        raise web.HTTPSeeOther(f"/posts/{taken.ticket}?new=1{ask}")

    async def _api(self, desk: Desk, request: web.Request) -> web.Response:
        """202 with the ticket. A program's post belongs to nobody's browser: each is a citizen of its own."""
        external_id = _forms.request_key(request)
        fields, files, raw = await _body(request)
        body = self._read(fields, files)
        taken = await self._take(
            desk,
            body,
            external_id=external_id,
            address=None,
            media=await _uploads.hand_in(desk, files, self.uploads, body.language),
            place_from=PlaceFrom.TYPED,
            raw=raw,
        )
        url = f"{self.city.public_url}/posts/{taken.ticket}"
        answer = {"ticket": taken.ticket, "state": taken.state, "url": url, "code_sent": taken.code_sent}
        return web.json_response(answer, status=202, headers={"Location": url})

    def _read(self, fields: Mapping[str, Any], files: Sequence[File]) -> NewPost:
        """Check what was typed, before any file is kept. Raises `BadInput` with the first field that is wrong."""
        try:
            body = (NewPostWithFiles if files else NewPost).model_validate(fields)
        except ValidationError as error:
            raise _bad_input(error) from error
        if len(body.text) > self._longest:
            raise TooLong(len(body.text), self._longest)
        if body.kind not in CITIZEN_KINDS:
            raise BadInput("choose one of the list", "kind")
        if body.contact:
            self._contact(body.contact)
        if (body.lat is None) != (body.lon is None):
            raise BadInput("give both degrees or none", "lat" if body.lat is None else "lon")
        return body

    async def _take(
        self,
        desk: Desk,
        body: NewPost,
        *,
        external_id: str,
        address: str | None,
        media: tuple[IncomingMedia, ...],
        place_from: PlaceFrom,
        raw: bytes,
        network: str | None = None,
    ) -> Taken:
        placed = body.place or body.lat is not None
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
                place_from=place_from if placed else None,
                private=body.private,
                own_voice=body.own_voice,
                name=body.name or None,
                contact=self._contact(body.contact) if body.contact else None,
                media=media,
                commands=False,
                network=network,
                raw=raw,
            )
        )
        if taken.outcome is Outcome.PHRASE and address is None:
            raise BadInput(
                "this is the phrase of the day: to take part, send it by text message or in the chat", "text"
            )
        if taken.ticket is None and taken.outcome is not Outcome.PHRASE:
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

    async def _again(
        self, desk: Desk, request: web.Request, typed: Mapping[str, str], error: BadInput | TooMany, *, lost: bool
    ) -> web.Response:
        """The form with what is wrong beside its field. Files cannot be put back into it: `lost` says there were."""
        if isinstance(error, TooMany):
            page = await self._draw(desk, request, typed, {}, error.status, busy=str(error), lost=lost)
            page.headers["Retry-After"] = str(error.retry_after)
            return page
        field = {"lat": "place", "lon": "place", None: "text"}.get(error.field, error.field)
        words = "this is too long" if isinstance(error, TooLong) else str(error)
        more = {
            "length": error.length if isinstance(error, TooLong) else None,
            "bad_file": error.name if isinstance(error, BadFile) else None,
            "lost": lost,
        }
        return await self._draw(desk, request, typed, {str(field): words}, error.status, **more)

    async def _draw(
        self,
        desk: Desk,
        request: web.Request,
        typed: Mapping[str, str],
        faults: Mapping[str, str],
        status: int = 200,
        **more: Any,
    ) -> web.Response:
        """The form, with what was typed."""
        values = {
            "busy": None,
            "length": None,
            "bad_file": None,
            "lost": False,
            "offered": (),
            "asks": False,
            "uploads": self.uploads,
            "typed": typed,
            "faults": faults,
            "form_id": typed.get("form_id") or clock.new_id(),
            "kinds": _CITIZENS,
            "longest": self._longest,
            **more,
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


def _form_key(form: Mapping[str, str], media: Sequence[IncomingMedia]) -> str:
    """What the form says, by all its fields and files."""
    said = [*(form.get(name, "") for name in NewPost.model_fields), *(file.url for file in media)]
    return _forms.form_key(form.get("form_id", ""), said)


def _fields(form: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields in their types; what was left empty is not there."""
    known = {name: value for name, value in form.items() if name in NewPost.model_fields and value.strip()}
    fields: dict[str, Any] = {name: value for name, value in known.items() if name not in (*TICKS, "lat", "lon")}
    fields |= {name: known.get(name, "") in ("1", "on", "true", "yes") for name in TICKS}
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


def _raw(form: Mapping[str, str]) -> bytes:
    """What was typed, as it is kept for finding faults; files are kept elsewhere, and tokens nowhere."""
    typed = {name: value for name, value in form.items() if name in NewPost.model_fields}
    return json.dumps(typed, ensure_ascii=False).encode("utf-8", "surrogatepass")


async def _body(request: web.Request) -> tuple[Mapping[str, Any], list[File], bytes]:
    """The fields of a program's request, JSON or a form, its files, and what to keep of it. Raises `BadInput`."""
    if request.content_type == "application/json":
        try:
            value = await request.json()
        except (ValueError, RecursionError):
            raise BadInput("this is no JSON") from None
        if not isinstance(value, dict):
            raise BadInput("send one JSON object")
        if "media" in value:
            raise BadInput("send files as parts of a form", "media")
        return value, [], await request.read()
    if request.content_type not in _FORM_TYPES:
        raise BadInput("send JSON or a form")
    form = await request.post()
    files = _uploads.sent(form)
    strangers = sorted(set(form) - set(NewPost.model_fields) - {_uploads.FIELD})
    if strangers:
        raise BadInput("no such field", strangers[0][:64])
    typed = {name: value for name, value in form.items() if name != _uploads.FIELD}
    if wrong := next((name for name, value in typed.items() if not isinstance(value, str)), None):
        raise BadInput("words, and no file", wrong)
    words = {name: str(value) for name, value in typed.items()}
    return _fields(words), files, _raw(words)
