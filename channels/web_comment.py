"""What people add to a published post, on its page and by `POST /api/v1/posts/<ticket>/comments`.

An addition waits for a moderator like everything else that is said; its author's browser is its line.
"""

from collections.abc import Sequence
from functools import partial

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from channels import _forms, _uploads
from channels._uploads import File
from channels.base import Capabilities, Channel, ChannelSettings, Guard, Route, Surroundings
from channels.desk import Desk
from gateway import clock
from gateway.errors import BadInput, Conflict, TooMany
from gateway.schema import State
from gateway.schema_incoming import Incoming, IncomingMedia, Taken

FORM = r"/posts/{ticket:\d{8}}/comments"
API = r"/api/v1/posts/{ticket:\d{8}}/comments"


class CommentSettings(ChannelSettings):
    """`[web_comment]`: the longest text taken."""

    longest: int = Field(1000, ge=160, le=20_000)


class NewComment(BaseModel):
    """What a program adds to a post for somebody."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    text: str = Field(min_length=1, max_length=20_000)


class Adapter(Channel):
    """Additions from the site."""

    name = "web_comment"
    capabilities = Capabilities(receives=True)
    Settings = CommentSettings
    COMMENT = NewComment

    def __init__(self, settings: CommentSettings, around: Surroundings) -> None:
        super().__init__(settings, around)
        self._longest = settings.longest

    def routes(self, desk: Desk) -> Sequence[Route]:
        """The form's page, where it goes, and the same for programs."""
        return (
            Route("GET", FORM, Guard.PUBLIC, partial(self._asked, desk)),
            Route("POST", FORM, Guard.PUBLIC, partial(self._sent, desk), self.uploads.most_together),
            Route("POST", API, Guard.PUBLIC, partial(self._api, desk)),
        )

    async def _asked(self, desk: Desk, request: web.Request) -> web.Response:
        """The form. Not on the post's own page: that one is kept and shown to everybody, without a token of anybody."""
        ticket = request.match_info["ticket"]
        await self._open_to_all(desk, ticket)
        return await desk.page(
            request, "comment.html", {"ticket": ticket, "typed": "", "fault": None, "form_id": clock.new_id()}
        )

    async def _sent(self, desk: Desk, request: web.Request) -> web.Response:
        """Take the form; what is wrong is shown above it, with the words still there."""
        ticket, form = request.match_info["ticket"], await request.post()
        text, form_id = _forms.lines(str(form.get("text", ""))), str(form.get("form_id", ""))
        try:
            await self._take_form(desk, request, form_id, text, _uploads.sent(form))
        except (BadInput, Conflict, TooMany) as error:
            form_id = form_id if isinstance(error, TooMany) else clock.new_id()
            values = {"ticket": ticket, "typed": text, "fault": str(error), "form_id": form_id}
            page = await desk.page(request, "comment.html", values, error.status)
            if isinstance(error, TooMany):
                page.headers["Retry-After"] = str(error.retry_after)
            return page
        raise web.HTTPSeeOther(f"/posts/{ticket}?added=1")

    async def _take_form(
        self, desk: Desk, request: web.Request, form_id: str, text: str, files: Sequence[File]
    ) -> None:
        if not text.strip() and not files:
            raise BadInput("write what you want to add", "text")
        self._check(text)
        await self._open_to_all(desk, request.match_info["ticket"])
        media = await _uploads.hand_in(desk, files, self.uploads)
        key = _forms.form_key(form_id, [text, *(one.url for one in media)])
        await self._take(desk, request, key, text, desk.visitor(request), media)

    async def _api(self, desk: Desk, request: web.Request) -> web.Response:
        """202 with the thread's ticket; the same Idempotency-Key adds nothing a second time."""
        key = _forms.request_key(request)
        try:
            body = NewComment.model_validate_json(await request.read())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise BadInput(str(first["msg"]), str(first["loc"][0]) if first["loc"] else None) from error
        self._check(body.text)
        await self._open_to_all(desk, request.match_info["ticket"])
        taken = await self._take(desk, request, key, body.text, None, ())
        url = f"{self.city.public_url}/posts/{taken.ticket}"
        return web.json_response({"ticket": taken.ticket, "state": taken.state, "url": url}, status=202)

    def _check(self, text: str) -> None:
        if len(text) > self._longest:
            raise BadInput("this is too long", "text")

    async def _open_to_all(self, desk: Desk, ticket: str) -> None:
        """Only what everybody may read can be added to here. Raises `NotFound` and `Conflict`."""
        post = await desk.post(ticket)
        if post.state is not State.PUBLISHED or not post.text:
            raise Conflict("this post is not public, so nothing can be added to it here")

    async def _take(
        self,
        desk: Desk,
        request: web.Request,
        external_id: str,
        text: str,
        address: str | None,
        media: tuple[IncomingMedia, ...],
    ) -> Taken:
        taken = await desk.take(
            Incoming(
                channel=self.name,
                external_id=external_id,
                text=text,
                received_at=clock.now(),
                address=address,
                thread=request.match_info["ticket"],
                media=media,
                commands=False,
                raw=text.encode("utf-8", "surrogatepass"),
            )
        )
        if taken.ticket is None:
            raise BadInput("write what you want to add", "text")
        return taken
