"""The console: what staff see and do. Every change is a plain form; `live.js` only saves the reload."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.casework import handling, notes
from gateway.casework.answer_templates import FIELDS, grouped, left_open
from gateway.errors import BadInput, NotAllowed
from gateway.journey import mailbox, moderation, parting, routing, transcription, undoing
from gateway.journey.commands import UNDECIDED
from gateway.schema import Action, Kind, MediaState, State
from gateway.web import access, auth, case_card, storyline
from gateway.web.behind import behind, joinable, versions
from gateway.web.keys import ACCOUNT, DRAWING, RUNTIME
from store import answer_templates, cases, claims, deliveries, history, marks, posts_for_staff, progress, together
from store import notes as note_rows
from store.accounts import Role
from store.history import Entry, Heard
from store.posts_for_staff import StaffPost


def routes() -> list[web.RouteDef]:
    """Its addresses; `middleware.admit` lets only staff near them."""
    return [
        web.get("/console/find", _find),
        web.get("/console/posts/{ticket}", _post),
        web.get("/console/posts/{ticket}/typing", _typing),
        web.post("/console/posts/{ticket}/notes", _note),
        web.post("/console/logout", _log_out),
    ]


async def _find(request: web.Request) -> web.Response:
    digits = "".join(character for character in request.query.get("ticket", "") if character.isdecimal())
    raise web.HTTPSeeOther(f"/console/posts/{digits}" if digits else "/console")


async def _post(request: web.Request) -> web.Response:
    return await draw_post(request, request.match_info["ticket"])


async def _typing(request: web.Request) -> web.Response:
    """Whether the thread's author is typing just now; the page asks for it every few seconds."""
    await check_readable(request, request.match_info["ticket"])
    typing = await mailbox.is_typing(request.app[RUNTIME], request.match_info["ticket"])
    return await request.app[DRAWING].page(request, "console/typing.html", {"typing": typing})


async def _note(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    ticket, text = request.match_info["ticket"], str((await request.post()).get("text", ""))
    await check_readable(request, ticket)
    try:
        await notes.add(request.app[RUNTIME], ticket, text, actor=account.name)
    except BadInput as error:
        return await draw_post(request, ticket, error.status, fault=str(error), noted=text)
    raise web.HTTPSeeOther(f"/console/posts/{ticket}#story")


async def _log_out(request: web.Request) -> web.Response:
    await auth.log_out(request)
    response = web.HTTPSeeOther("/login")
    auth.drop_session(request, response)
    raise response


def undoable(request: web.Request, last: Sequence[tuple[str, State, Entry | None]]) -> dict[str, int]:
    """Of posts with their state and what was done to them last: for how many seconds it can be undone, where it can."""
    if not may_decide(request):
        return {}
    at = clock.now()
    left = {post_id: undoing.seconds_left(request.app[RUNTIME], entry, state, at) for post_id, state, entry in last}
    return {post_id: seconds for post_id, seconds in left.items() if seconds}


async def check_readable(request: web.Request, reference: str) -> None:
    """Whether a thread (see `posts_for_staff.thread`) is for who asks, and the very post that is named by its id.

    Raises `NotAllowed` and `NotFound`.
    """
    if access.own_department(request[ACCOUNT]):
        async with request.app[RUNTIME].database.reading() as connection:
            thread = await posts_for_staff.thread(connection, reference)
        seen = access.readable(request.app[RUNTIME].settings, request[ACCOUNT], thread)
        if any(post.id == reference and post not in seen for post in thread):
            raise NotAllowed("this report is not your department's")


async def draw_post(
    request: web.Request, ticket: str, status: int = 200, *, typed: str = "", answering_as: str = "", **values: Any
) -> web.Response:
    """A thread with all that is known of it. `values` say what was just tried and went wrong; what was `typed` as an
    answer, or `noted`, and could not be taken stands there again."""
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    async with runtime.database.reading() as connection:
        thread = access.readable(runtime.settings, account, await posts_for_staff.thread(connection, ticket))
        ids = [post.id for post in thread]
        entries = await history.of_thread(connection, runtime.vault, ids)
        sent = await deliveries.of_posts(connection, ids)
        # Words as they came may hold what was masked: for those who decide, not for all staff.
        unmasked = ids if may_decide(request) else []
        at_work = await claims.at_work(connection, ids, clock.now())
        alike = await posts_for_staff.alike(connection, thread[0].group or thread[0].id)
        converses = await mailbox.converses(runtime, connection, ticket)
        told = await progress.of_posts(connection, ids)
        noticed = await note_rows.of_posts(connection, runtime.vault, ids)
        offered = await answer_templates.of_departments(connection, [*answering(request), answer_templates.EVERY])
        case = await cases.find(connection, thread[0].id)
        judged = (await marks.of_threads(connection, [thread[0].id])).get(thread[0].id, ())
        joined = await together.joined_to(connection, thread[0].id)
        reporters = (await together.numbers(connection, [thread[0].id])).get(thread[0].id, 1)
        main = await posts_for_staff.staff_by_id(connection, [case.merged_into]) if case and case.merged_into else {}
        card = await case_card.card(connection, case, account)
        heard = await listened(request, connection, thread)
    first = thread[0]
    compared = await versions(runtime, thread) if unmasked else {}
    done = {post.id: last for post in thread if (last := history.newest(entries[post.id]))}
    left = undoable(request, [(post.id, post.state, done[post.id]) for post in thread if post.id in done])
    chosen = answering_as or account.department or first.department or _suggested(request, first)
    return await draw(
        request,
        "console/post.html",
        status,
        **{"fault": None, "asked": None, "noted": "", "stepping": "", "stepped": "", "into": "", **values},
        typed=typed,
        thread=thread,
        first=first,
        story=storyline.story(thread, entries, noticed, told, sent),
        case=case,
        judged=judged,
        # Joining and separating have a place of their own on the page.
        steps=[step for step in handling.allowed(case, account) if step not in handling.BETWEEN_THREADS]
        if case
        else (),
        joined=joined,
        reporters=reporters,
        joined_to=next((one.ticket for one in main.values()), None),
        joinable=may_decide(request) and joinable(first),
        separable=[post.id for post in thread if _can_be_separated(post)] if may_decide(request) else [],
        returnable=[post.id for post in thread if post.id in done and _can_go_back(post, done[post.id])],
        **card,
        late=case is not None and case.stopped_at is None and case.due_at < clock.now(),
        needs_words=handling.NEEDS_WORDS,
        needs_department=handling.NEEDS_DEPARTMENT,
        may_note=account.role is not Role.VIEWER,
        longest_note=notes.LONGEST,
        broadcasts=told,
        cut_off=deliveries.MOST_OF_POSTS if len(sent) >= deliveries.MOST_OF_POSTS else None,
        undoable=left,
        alike=[post for post in alike if post.id != first.id and access.is_readable(runtime.settings, account, post)],
        heard=heard,
        choices=await _choices(request, thread),
        at_work={post_id: others(request, names) for post_id, names in at_work.items()},
        behind=await behind(runtime, first) if unmasked else None,
        versions=compared,
        claim_seconds=runtime.settings.moderation.claim_seconds,
        converses=converses,
        typing=False,
        may_answer=account.role in (Role.OFFICER, Role.ADMINISTRATOR),
        answering=answering(request),
        templates=grouped(offered, first.language),
        left_open=left_open(typed),
        template_fields=FIELDS,
        chosen=chosen,
        allowed=lambda state: [action for action in moderation.allowed(state) if action is not Action.CORRECT],
    )


async def draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    """A page of the console, with what all of them know."""
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        waiting = await posts_for_staff.waiting(connection)
    known = {
        "waiting": waiting,
        "reasons": runtime.settings.reasons,
        "may_decide": may_decide(request),
        "show_ticket": False,
        "choices": {},
    }
    return await request.app[DRAWING].page(request, template, {**known, **values}, status)


async def listened(request: web.Request, connection: Any, found: Sequence[StaffPost]) -> Mapping[str, Heard]:
    """What the recordings of posts say, by media id; for those who decide."""
    spoken = [post.id for post in found if any(file.type.startswith("audio/") for file in post.media)]
    if not spoken or not may_decide(request):
        return {}
    return await history.heard(connection, request.app[RUNTIME].vault, spoken)


async def _choices(request: web.Request, thread: Sequence[StaffPost]) -> Mapping[str, Sequence[str]]:
    """By which models the recordings of a thread may be written down again, by media id; for those who decide."""
    if not may_decide(request):
        return {}
    runtime = request.app[RUNTIME]
    return {
        file.id: await transcription.models_of(runtime, file.language or post.language, post.channel)
        for post in thread
        for file in post.media
        if file.state is MediaState.STORED and file.type.startswith("audio/")
    }


def _can_be_separated(post: StaffPost) -> bool:
    return post.kind is Kind.COMMENT and post.state in (*UNDECIDED, State.PUBLISHED)


def _can_go_back(post: StaffPost, last: Entry) -> bool:
    return parting.can_put_back(last, post.state)


def others(request: web.Request, names: Sequence[str]) -> list[tuple[str, bool]]:
    """Of those who have a post open all but oneself, each with whether he holds it."""
    own = request[ACCOUNT].name
    return [(name, at == 0) for at, name in enumerate(names) if name != own]


def may_decide(request: web.Request) -> bool:
    """Whether this account moderates."""
    return request[ACCOUNT].role in (Role.MODERATOR, Role.ADMINISTRATOR)


def _suggested(request: web.Request, post: StaffPost) -> str | None:
    return routing.route_post(request.app[RUNTIME], post).department


def answering(request: web.Request) -> Sequence[str]:
    """The departments this account may answer as."""
    own = request[ACCOUNT].department
    return [own] if own else [department.slug for department in request.app[RUNTIME].settings.departments]


def version_of(form: Mapping[str, Any]) -> int | None:
    """The version that was looked at, as a form brings it; None for none, and for what is no number of a version."""
    typed = str(form.get("version", ""))
    return int(typed) if typed.isdecimal() and len(typed) < 10 else None


def back_to(path: str) -> str:
    """Where a form of the console leads: a page of the console, and nothing else."""
    if path.startswith("/console/posts/") and path.rpartition("/")[2].isalnum():
        return path
    if path == "/console/transcription":
        return path
    return "/console"
