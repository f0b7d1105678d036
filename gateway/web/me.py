"""`/me`: what somebody said, on whichever of his lines, how it stands, and by what name he is shown; no account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput, NotFound
from gateway.journey import names, showing
from gateway.journey.export import TOLD
from gateway.schema import State
from gateway.web import auth, visitors
from gateway.web.catalogues import N_
from gateway.web.keys import RUNTIME
from gateway.web.visitors import Me
from store import citizens, history, marks, mine
from store.history import Entry
from store.marks import Mark
from store.mine import OwnPost
from store.participating import FOLLOWED

PAGE = 10
# What was just done, by the word in the address that brings the reader back.
DONE: Mapping[str, str] = {
    "linked": N_("Linked. What was said on that line is yours here."),
    "unlinked": N_("Unlinked. Link it again by a code whenever you like."),
    "muted": N_("Muted. It hears only of what is said on it."),
    "unmuted": N_("Not muted any more."),
    "language": N_("Kept. We write to this line in that language."),
    "named": N_("Kept. Your public posts show it now."),
    "unnamed": N_("Kept. Your public posts show no name now."),
    "unfollowed": N_("Not followed any more."),
    "followed": N_("Followed again."),
    "voice": N_("Taken back. The radio reads your words by another voice, also in bulletins that are there already."),
}
TOPICS = ("all", FOLLOWED, "category", "department", "ticket", "place")
LONGEST_TOPIC = 96


@dataclass(frozen=True, slots=True)
class Why:
    """Why a post is not public: a reason's code (None for a rule of the filter), and a moderator's own words."""

    reason: str | None
    note: str | None


def routes() -> list[web.RouteDef]:
    """The page itself, and what changes how somebody is shown and what he follows."""
    return [
        web.get("/me", _page),
        web.post("/me/name", _name),
        web.post("/me/follows/{id:[0-9a-f]{32}}/remove", _unfollow),
        web.post("/me/follows", _follow),
        web.post("/me/posts/{id:[0-9a-f]{32}}/voice", _take_back_voice),
        web.get("/me/leave", _leave_page),
        web.post("/me/leave", _leave),
    ]


async def draw_page(
    request: web.Request,
    fault: Mapping[str, str] | None = None,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
) -> web.Response:
    """The page; `fault` says what is wrong by field, `typed` what was typed there."""
    me = await visitors.who(request)
    values = (
        await _posts(request, me)
        if me.person
        else {"posts": [], "judged": {}, "earlier": None, "name": None, "follows": []}
    )
    done = request.query.get("done", "")
    return await visitors.draw(
        request,
        "me.html",
        status,
        me=me,
        done=DONE.get(done),
        undo=_undo(request, me) if done == "unfollowed" else None,
        fault=fault or {},
        typed=typed or {},
        longest=names.LONGEST,
        **values,
    )


def why(post: OwnPost, entries: Sequence[Entry], reasons: Sequence[str]) -> Why | None:
    """Why a post is held, rejected or withdrawn: by the last change that made it so, for one of a moderator's reasons.

    None for any other.
    """
    if post.state not in (State.HELD, State.REJECTED, State.WITHDRAWN):
        return None
    made = [entry for entry in entries if entry.to_state is post.state and entry.from_state is not post.state]
    if not made:
        return None
    last = made[-1]
    return Why(last.reason if last.reason in reasons else None, last.note if last.action in TOLD else None)


async def _page(request: web.Request) -> web.Response:
    return await draw_page(request)


async def _posts(request: web.Request, me: Me) -> dict[str, Any]:
    """One page of a person's posts with all that is drawn of them: so many questions, however many posts."""
    runtime, person = request.app[RUNTIME], me.person or ""
    async with runtime.database.reading() as connection:
        written, following = await mine.written(connection, person, limit=PAGE, cursor=request.query.get("cursor"))
        under = await mine.replies(connection, person, [post.root for post in written if post.first])
        own = [post for post in (*written, *(one for posts in under.values() for one in posts)) if post.own]
        hidden = [post.id for post in own if not post.public]
        originals = await history.originals(connection, runtime.vault, hidden)
        entries = await history.of_thread(connection, runtime.vault, hidden)
        name = await citizens.name_of(connection, person)
        follows = await citizens.follows(connection, person)
        judged = await marks.of_threads(connection, [post.root for post in written if post.first])
    reasons = runtime.settings.reasons
    return {
        "posts": written,
        "earlier": "?" + urlencode({"cursor": following}) if following else None,
        "under": under,
        "originals": originals,
        "why": {post.id: why(post, entries.get(post.id, ()), reasons) for post in own},
        "judged": {thread: his[-1] for thread, known in judged.items() if (his := _his(known, person))},
        "name": name,
        "follows": follows,
    }


def _his(known: Sequence[Mark], person: str) -> list[Mark]:
    return [mark for mark in known if mark.citizen_id == person]


async def _name(request: web.Request) -> web.Response:
    typed = (await visitors.form(request)).get("name", "")
    _, person, _ = await visitors.must_be_somebody(request)
    try:
        await names.choose(request.app[RUNTIME], person, typed)
    except BadInput as error:
        return await draw_page(request, {"name": str(error)}, error.status, {"name": typed})
    raise web.HTTPSeeOther(f"/me?done={'named' if typed else 'unnamed'}#name")


async def _unfollow(request: web.Request) -> web.Response:
    await visitors.form(request)
    runtime, (_, person, _) = request.app[RUNTIME], await visitors.must_be_somebody(request)
    async with runtime.database.reading() as connection:
        followed = {one.id: one for one in await citizens.follows(connection, person)}
    gone = followed.get(request.match_info["id"])
    if gone is None:
        raise NotFound("you do not follow this")
    await runtime.database.write(lambda tx: citizens.unfollow(tx, gone.id))
    undo = urlencode({"done": "unfollowed", "line": gone.address_id, "topic": gone.topic})
    raise web.HTTPSeeOther(f"/me?{undo}#follows")


async def _follow(request: web.Request) -> web.Response:
    """Follow again what was taken off the list a moment ago."""
    fields = await visitors.form(request)
    _, _, me = await visitors.must_be_somebody(request)
    line, topic = me.line(fields.get("line", "")), fields.get("topic", "")
    if not _is_topic(topic):
        raise BadInput("choose one of the list", "topic")
    await request.app[RUNTIME].database.write(lambda tx: citizens.follow(tx, line.id, topic, clock.now()))
    raise web.HTTPSeeOther("/me?done=followed#follows")


async def _take_back_voice(request: web.Request) -> web.Response:
    await visitors.form(request)
    runtime, (_, person, _) = request.app[RUNTIME], await visitors.must_be_somebody(request)
    post_id = request.match_info["id"]
    async with runtime.database.reading() as connection:
        own = await mine.wrote(connection, person, post_id)
    if not own:
        raise NotFound("this is not your post")
    await showing.take_back_voice(runtime, post_id, actor="author")
    raise web.HTTPSeeOther("/me?done=voice")


async def _leave_page(request: web.Request) -> web.Response:
    _, _, me = await visitors.must_be_somebody(request)
    return await visitors.draw(request, "me_leave.html", me=me)


async def _leave(request: web.Request) -> web.Response:
    """Have this browser forget who used it; his posts stay his, on his other lines."""
    await visitors.form(request)
    response = web.HTTPSeeOther("/")
    auth.drop_visitor(request, response)
    raise response


def _undo(request: web.Request, me: Me) -> Mapping[str, str] | None:
    """What to follow again, when somebody has just stopped following it."""
    line, topic = request.query.get("line", ""), request.query.get("topic", "")
    known = any(one.id == line for one in me.lines)
    return {"line": line, "topic": topic} if known and _is_topic(topic) else None


def _is_topic(topic: str) -> bool:
    kind, _, value = topic.partition(":")
    return kind in TOPICS and bool(value) is (kind not in ("all", FOLLOWED)) and len(topic) <= LONGEST_TOPIC
