"""What others reported already: offered to whoever writes the same on the site, and joined instead by one tap."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from channels import _forms
from channels.desk import Desk
from gateway import clock
from gateway.errors import Conflict, TooMany
from gateway.schema import Place, State
from gateway.schema_incoming import Incoming
from gateway.schema_public import PublicPost

PAGE = r"/posts/{ticket:\d{8}}/join"
GONE = "this report is not public any more, so it cannot be joined"


async def offered(desk: Desk, form: Mapping[str, str]) -> Sequence[PublicPost]:
    """What others reported that is likely the same as what somebody types into a form."""
    lat, lon = _degrees(form.get("lat", ""), 90), _degrees(form.get("lon", ""), 180)
    place = Place(form.get("place", "").strip()[:200] or None, lat, lon)
    return await desk.similar(form.get("text", ""), place, form.get("category") or None)


async def page(
    desk: Desk, request: web.Request, status: int = 200, *, ticket: str | None = None, fault: str | None = None
) -> web.Response:
    """Asks once more before somebody is counted among those who report a post. Raises `Conflict` and `NotFound`."""
    post = await desk.post(ticket or request.match_info["ticket"])
    if post.state is not State.PUBLISHED or not post.text:
        raise Conflict(GONE)
    values = {"post": post, "fault": fault, "form_id": clock.new_id()}
    return await desk.page(request, "join.html", values, status)


async def sent(desk: Desk, request: web.Request, channel: str) -> web.Response:
    """Count the browser that asks among those who report a post."""
    form = await request.post()
    try:
        await count_in(desk, request, channel, request.match_info["ticket"], str(form.get("form_id", "")))
    except (Conflict, TooMany) as error:
        again = await page(desk, request, error.status, fault=str(error))
        if isinstance(error, TooMany):
            again.headers["Retry-After"] = str(error.retry_after)
        return again
    raise web.HTTPSeeOther(f"/posts/{request.match_info['ticket']}?joined=1")


async def count_in(desk: Desk, request: web.Request, channel: str, ticket: str, form_id: str) -> None:
    """The same, by the form it was tapped in. Raises `Conflict` when that post is public no more."""
    taken = await desk.take(
        Incoming(
            channel=channel,
            external_id=_forms.form_key(form_id, ["join", ticket]),
            text="",
            received_at=clock.now(),
            address=desk.visitor(request),
            thread=ticket,
            joins=True,
            commands=False,
        )
    )
    if taken.say.phrase == "status_unknown":
        raise Conflict(GONE)


def _degrees(typed: str, most: int) -> float | None:
    """What a browser says of where it is; None for what is nowhere on earth."""
    try:
        degrees = float(typed)
    except ValueError:
        return None
    return degrees if -most <= degrees <= most else None
