"""Every route of the application is asked for what is another's: nothing of it is shown, and nothing of it changes."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient
from sqlalchemy import select

from gateway import clock
from gateway.casework import answer_templates as templates
from gateway.casework import cases, notes, services
from gateway.casework.services import Typed
from gateway.journey import joining, moderation
from gateway.runtime import Runtime
from gateway.schema import Action
from gateway.schema_incoming import Incoming, Taken
from gateway.web import access
from gateway.web.keys import HUB
from store import tables_deliveries, tables_posts
from store.accounts import Account, Role
from tests.channels.public_site import open_site
from tests.conftest import settle_down
from tests.web.conftest import Client, World
from tests.web.test_media import keep

# What nobody but the department of roads may read stands beside this word; what is public has it nowhere.
SECRET = "zebrafish"
FOUND_BY = "leaks"
PRIVATE = f"the {SECRET} pipe leaks in our office and the officer took money"
# These never end; what they say is asked of the hub below.
STREAMS = frozenset({"/live", "/api/v1/stream", "/console/live", "/console/calls/live"})
# What an officer may do that is no department's: with his own account and filters, and with the words asked in vain.
OWN = ("/console/account/", "/console/logout", "/console/inbox/filters", "/api/v1/console/filters")
NO_DEPARTMENTS = frozenset(
    {"POST /console/services/words", "POST /api/v1/console/services/words", "POST /console/queue/marks"}
)
# Each change of an officer, with what the department itself could send there.
SAID = {"title": "a", "text": "b", "words": ["c"]}
SERVICE: Mapping[str, Any] = {"department": "roads", "kind": "guide", "en": SAID, "zh": SAID}
TEMPLATE = {"department": "roads", "language": "en", "name": "n", "text": "t"}
JUDGED = {"month": "2026-03", "department": "roads", "points": 5.0, "reason": "because"}
LEFT_OUT = {"month": "2026-03", "ticket": "12345670", "out": True, "reason": "because"}
BODIES: Mapping[str, Any] = {
    "/api/v1/console/posts/{reference}/answers": {"text": "done", "department": "water"},
    "/api/v1/console/posts/{reference}/notes": {"text": "seen"},
    "/api/v1/console/posts/{reference}/case": {"step": "begin"},
    "/api/v1/console/posts/{reference}/officer": {"officer": None},
    "/api/v1/console/templates": TEMPLATE,
    "/api/v1/console/templates/{id}/change": {**TEMPLATE, "version": 1},
    "/api/v1/console/assessment/points": JUDGED,
    "/api/v1/console/assessment/corrections": LEFT_OUT,
    "/api/v1/console/services": SERVICE,
    "/api/v1/console/services/{id}/change": {**SERVICE, "version": 1},
}
FORM = {
    **{"text": "done", "department": "water", "step": "begin", "officer": "", "language": "en", "name": "n"},
    **{"kind": "guide", "month": "2026-03", "points": "5", "reason": "because", "ticket": "12345670"},
    **{f"{part}_{language}": "b" for part in ("title", "text", "words") for language in ("zh", "en")},
}
# The department that makes something is typed in its form.
MADE = frozenset({"/console/templates", "/console/services"})


@dataclass(slots=True)
class Secrets:
    """A city where the department of roads has things that are nobody else's: the parts of paths that lead there."""

    world: World
    parts: Mapping[str, list[str]]
    beside: Mapping[str, list[str]]

    def paths(self, route: web.AbstractRoute, *, beside: bool = False) -> Iterator[str]:
        """Every path of a route that leads to one of them, and to what is public beside them."""
        assert route.resource
        info = route.resource.get_info()
        if "pattern" not in info:
            yield str(info["path"])
            return
        names = list(dict.fromkeys(re.findall(r"{(\w+)}", info["formatter"])))
        also = self.beside if beside else {}
        for values in itertools.product(*([*self.parts[name], *also.get(name, ())] for name in names)):
            path = str(info["formatter"]).format(**dict(zip(names, values, strict=True)))
            if info["pattern"].fullmatch(path):
                yield path


def incoming(text: str, **more: Any) -> Incoming:
    values: dict[str, Any] = {
        **{"channel": "form", "external_id": clock.new_id(), "text": text, "received_at": clock.now()},
        **{"address": f"web:{clock.new_id()}", "category": "roads", "commands": False},
        **more,
    }
    return Incoming(**values)


async def publish(world: World, taken: Taken) -> str:
    assert taken.post_id
    await moderation.decide(world.runtime, taken.post_id, Action.PUBLISH, actor="mo")
    return taken.ticket or ""


@pytest.fixture
async def city(runtime: Runtime, aiohttp_client: AiohttpClient) -> Secrets:
    world = await open_site(runtime, aiohttp_client)
    takes = world.desk.take
    public = await publish(world, await takes(incoming("a lamp is dark in Elm Street")))
    secret = await takes(incoming(PRIVATE, private=True))
    ticket = await publish(world, secret)
    waiting = await takes(incoming(f"another {SECRET} pipe leaks"))
    joined = await takes(incoming(f"a third {SECRET} pipe leaks at the lamp in Elm Street", private=True))
    await joining.join_posts(world.runtime, joined.ticket or "", public, actor="mo")
    answered = await takes(incoming(f"the fourth {SECRET} pipe leaks", private=True))
    await publish(world, answered)
    await cases.answer(world.runtime, answered.ticket or "", f"the {SECRET} is mended", "roads", actor="li")
    added = await takes(incoming(f"and a {SECRET} leaks there", thread=public, private=True))
    await notes.add(world.runtime, ticket, f"the {SECRET} is known", actor="li")
    files = [await keep(world, one) for one in (secret, waiting, joined, answered, added)]
    li = Account("2" * 32, "li", Role.OFFICER, "roads")
    wording = templates.clean(world.runtime, "roads", "en", f"{SECRET}", f"the {SECRET} {{ticket}}")
    template = await templates.save(world.runtime, li, wording, None, None)
    said = {language: ("Burst pipes", f"the {SECRET} leaks", SECRET) for language in ("en", "zh")}
    service = await services.add(world.runtime, li, services.clean(world.runtime, Typed("roads", "guide", said)))
    slug = (await services.find(world.runtime, service)).slug
    assert SECRET not in slug, "else its address says it"
    await settle_down(world.runtime)
    tickets = [one.ticket or "" for one in (secret, waiting, joined, answered)]
    ids = [str(one.post_id) for one in (secret, waiting, joined, answered, added)]
    media = [path.rpartition("/")[2] for path in files]
    async with world.runtime.database.reading() as connection:
        sent = (await connection.execute(select(tables_deliveries.deliveries.c.id))).scalars().all()
    parts = {
        **{"ticket": tickets, "reference": [*tickets, *ids], "id": [*ids, *media, template, service, *map(str, sent)]},
        **{"slug": [slug, "roads"], "department": ["roads"], "kind": ["departments"], "name": ["form", "site.css"]},
        **{"act": ["up", "anew", "drop", "pause", "call-off", "draw"], "step": ["publish", "retire"]},
        **{"chart": ["posts"], "decision": ["0" * 32], "token": ["0" * 32], "version": ["1"], "action": ["pause"]},
    }
    return Secrets(world, parts, {"ticket": [public], "reference": [public]})


def asked(world: World, method: str) -> list[web.AbstractRoute]:
    routes = [route for route in world.app.router.routes() if route.method == method and route.resource]
    return [route for route in routes if route.resource and route.resource.canonical not in STREAMS]


# What a list may be asked for.
QUERIES = ("", f"?q={FOUND_BY}", "?state=pending", "?which=all", "?private=yes", "?department=roads")


async def leaks(city: Secrets) -> list[tuple[str, int]]:
    """Of every page and file, those on which something of the department stands."""
    found = []
    for route in asked(city.world, "GET"):
        assert route.resource
        queries = QUERIES[:1] if "{" in route.resource.canonical else QUERIES
        for path, query in itertools.product(city.paths(route, beside=True), queries):
            response = await city.world.client.get(f"{path}{query}", allow_redirects=False)
            body = await response.read()
            if SECRET.encode() in body or response.status >= 500 or response.content_type.startswith("audio/"):
                found.append((f"{path}{query}", response.status))
    return found


async def test_nobody_sees_anything_of_it(city: Secrets) -> None:
    assert await leaks(city) == []


async def test_no_stream_tells_of_it(city: Secrets) -> None:
    for form in ("json", "zh", "en"):
        frames = [frame async for _, frame in city.world.app[HUB].missed(form, 0)]
        assert frames, "else this proves nothing"
        assert not [frame for frame in frames if SECRET.encode() in frame]


async def test_an_officer_of_another_department_sees_nothing_of_it(city: Secrets) -> None:
    await city.world.account(Role.OFFICER, "wang", "water")
    await city.world.log_in("wang")
    assert await leaks(city) == []


async def test_its_own_officer_sees_it(city: Secrets) -> None:
    """Else the two before prove nothing."""
    await city.world.account(Role.OFFICER, "li", "roads")
    await city.world.log_in("li")
    seen = {path for path, _ in await leaks(city)}
    for part in ("/console/posts/", "/api/v1/console/posts/", "/console/inbox", "/console/templates"):
        assert any(path.startswith(part) for path in seen), part
    for part in ("/console/services/", "/media/"):
        assert any(path.startswith(part) for path in seen), part


async def test_nobody_gets_to_a_route_of_staff(city: Secrets) -> None:
    wrong = []
    for route in city.world.app.router.routes():
        assert route.resource
        canonical = route.resource.canonical
        if not access.is_staff(canonical) or route.method == "HEAD":
            continue
        path = next(city.paths(route))
        response = await city.world.client.request(route.method, path, allow_redirects=False)
        let_in = response.headers.get("Location", "").startswith("/login") if "/api/" not in path else False
        if not let_in and response.status != 401:
            wrong.append((route.method, canonical, response.status))
    assert wrong == []


def test_who_only_looks_changes_nothing_but_his_own() -> None:
    rows = {name for name, rule in access.TABLE.items() if Role.VIEWER in rule.roles and not name.startswith("GET")}
    others = {name for name in rows if not name.partition(" ")[2].startswith(OWN)}
    assert others == {"POST /console/queue/marks"}, "which only asks what changed"


def changes() -> list[str]:
    """The rows of the table by which an officer changes something that can be a department's."""
    rows = [name for name, rule in access.TABLE.items() if not name.startswith("GET") and Role.OFFICER in rule.roles]
    return [name for name in rows if name not in NO_DEPARTMENTS and not name.partition(" ")[2].startswith(OWN)]


async def everything(world: World) -> Mapping[str, Any]:
    """What could be changed, as it stands."""
    known = ("posts", "cases", "notes", "answer_templates", "services", "supervisor_points", "scored", "media")
    async with world.runtime.database.reading() as connection:
        return {
            name: (await connection.execute(select(tables_posts.posts.metadata.tables[name]))).all()
            for name in sorted(known)
        }


async def test_an_officer_of_another_department_changes_nothing_of_it(city: Secrets) -> None:
    world = city.world
    await world.account(Role.OFFICER, "wang", "water")
    await world.log_in("wang")
    headers = {"X-CSRF-Token": await world.form_token("/console/account")}
    before, wrong = await everything(world), []
    for name in changes():
        method, _, canonical = name.partition(" ")
        form = {**FORM, **({"department": "roads"} if canonical in MADE else {})}
        sent = {"json": BODIES.get(canonical, {})} if canonical.startswith(access.STAFF_API) else {"data": form}
        routes = [one for one in asked(world, method) if one.resource and one.resource.canonical == canonical]
        paths = [path for route in routes for path in city.paths(route)]
        assert paths, canonical
        for path in paths:
            response = await world.client.request(method, path, headers=headers, allow_redirects=False, **sent)
            # What is not offered in a form of his is bad input there.
            expected = (403, 404) if "{" in canonical else (403, 422)
            if response.status not in expected or SECRET in await response.text():
                wrong.append((name, path, response.status))
    assert wrong == []
    assert await everything(world) == before


async def test_what_waits_is_not_told_to_officers_of_one_department(city: Secrets) -> None:
    await city.world.account(Role.OFFICER, "wang", "water")
    await city.world.log_in("wang")
    token = await city.world.form_token("/console/account")
    form = {"csrf": token, "ids": ",".join(city.parts["id"][:5]), "since": "2020-01-01T00:00:00Z"}
    response = await city.world.client.post("/console/queue/marks", data=form)
    assert response.status == 403


def guarded(world: World) -> list[str]:
    """Forms of everybody: all that changes something and is neither a carrier's nor a program's."""
    found = []
    for route in asked(world, "POST"):
        assert route.resource
        if not route.resource.canonical.startswith(("/hooks/", "/api/")):
            found.append(route.resource.canonical)
    return found


@pytest.mark.parametrize("token", [None, "forged", "another"])
async def test_no_form_is_taken_without_its_token(
    city: Secrets, aiohttp_client: AiohttpClient, token: str | None
) -> None:
    """Each form of the application, by whoever may send it otherwise: an administrator, in his own browser."""
    world = city.world
    await world.account(Role.ADMINISTRATOR)
    if token == "another":
        stranger: Client = await aiohttp_client(world.client.server)  # type: ignore[assignment]  # its own
        page = await (await stranger.get("/login")).text()
        token = page.split('name="csrf" value="')[1].split('"')[0]
    await world.log_in("administrator")
    before, wrong = await everything(world), []
    assert len(guarded(world)) > 90, "else this proves nothing"
    for route in asked(world, "POST"):
        assert route.resource
        if route.resource.canonical not in guarded(world):
            continue
        path = next(city.paths(route), None)
        assert path, route.resource.canonical
        data = {**FORM, **({"csrf": token} if token else {})}
        response = await world.client.post(path, data=data, allow_redirects=False)
        if response.status != 403:
            wrong.append((route.resource.canonical, response.status))
    assert wrong == []
    assert await everything(world) == before
