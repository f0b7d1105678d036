"""Every route of the console is asked by every role: what its row allows is let through, all else is refused."""

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiohttp import web

from gateway import clock
from gateway.web import access, auth
from store import accounts, sessions
from store.accounts import Account, Role
from store.sessions import Scope
from tests.web.conftest import World

# What stands for a part of a path; the first that its pattern takes.
VALUES = {
    "ticket": ["12345670"],
    "reference": ["12345670"],
    "name": ["form"],
    "action": ["pause"],
    "decision": ["0" * 32],
    "id": ["1", "0" * 32],
    "act": ["pause", "anew", "up", "resume", "draw", "drop"],
    "kind": ["departments"],
    "slug": ["water"],
    "chart": ["posts"],
    "step": ["publish"],
}
# Some rows by name, so that a slip in the table is one here too.
KNOWN = {
    "POST /console/posts/{id}/decision": {Role.ADMINISTRATOR, Role.MODERATOR},
    "POST /console/posts/{ticket}/answers": {Role.ADMINISTRATOR, Role.OFFICER},
    "GET /console/words": {Role.ADMINISTRATOR, Role.MODERATOR},
    "POST /console/channels/{name}/switch": {Role.ADMINISTRATOR},
    "POST /api/v1/console/deliveries/drop": {Role.ADMINISTRATOR, Role.MODERATOR},
    "POST /console/bulletins": {Role.ADMINISTRATOR, Role.MODERATOR},
    "GET /console/users": {Role.ADMINISTRATOR},
    "POST /api/v1/console/users": {Role.ADMINISTRATOR},
    "GET /console/audit.csv": {Role.ADMINISTRATOR},
    "GET /api/v1/console/settings": {Role.ADMINISTRATOR},
    "POST /console/organisation/{kind}": {Role.ADMINISTRATOR},
    "POST /console/posts/{ticket}/category": {Role.ADMINISTRATOR, Role.MODERATOR},
    "GET /console/account": set(Role),
    "GET /console": set(Role),
}


def routes(app: web.Application) -> Iterator[tuple[str, str, str]]:
    """Method, canonical path and one real path of every route of staff."""
    for route in app.router.routes():
        assert route.resource
        canonical = route.resource.canonical
        if access.is_staff(canonical) and route.method != "HEAD":
            yield route.method, canonical, filled(route.resource)


def filled(resource: web.AbstractResource) -> str:
    info = resource.get_info()
    if "pattern" not in info:
        return str(info["path"])
    names = re.findall(r"{(\w+)}", info["formatter"])
    assert len(names) <= 3
    tried: list[dict[str, str]] = [{}]
    for name in names:
        tried = [{**one, name: value} for one in tried for value in VALUES[name]]
    paths = [str(info["formatter"]).format(**one) for one in tried]
    return next(path for path in paths if info["pattern"].fullmatch(path))


async def cookie_of(world: World, account_id: str) -> str:
    """A fresh session: some routes end the one they are asked with."""
    secret, until = secrets.token_urlsafe(32), clock.now() + timedelta(hours=1)
    await world.runtime.database.write(lambda tx: sessions.open_cookie(tx, account_id, auth.digest(secret), until))
    return secret


async def test_every_route_has_its_row_and_every_row_its_route(world: World) -> None:
    names = {access.name(method, canonical) for method, canonical, _ in routes(world.app)}
    assert names - set(access.TABLE) == set(), "give these routes a row in gateway/web/access.py"
    assert set(access.TABLE) - names == set(), "these rows have no route"


@pytest.mark.parametrize("name", KNOWN)
def test_the_table_says_what_it_should(name: str) -> None:
    assert access.TABLE[name].roles == KNOWN[name]


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_gets_where_its_rows_let_it(world: World, role: Role) -> None:
    account = await world.account(role)
    wrong = []
    for method, canonical, path in routes(world.app):
        allowed = role in access.TABLE[access.name(method, canonical)].roles
        secret = await cookie_of(world, account.id)
        headers = {"Cookie": f"everyline_session={secret}", "Accept-Language": "en"}
        if allowed and method != "GET":
            world.client.session.cookie_jar.clear()
            page = await (await world.client.get("/console", headers=headers)).text()
            headers["X-CSRF-Token"] = page.split('name="csrf" value="')[1].split('"')[0]
        world.client.session.cookie_jar.clear()
        response = await world.client.request(method, path, headers=headers, allow_redirects=False)
        response.close()  # one of them is a stream
        if (response.status == 403) is allowed or response.status >= 500:
            wrong.append((method, canonical, response.status))
    assert wrong == []


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_token_gets_where_its_scope_lets_it(world: World, scope: Scope) -> None:
    """An administrator's token, so that only its scope holds it back; of the pages it opens none."""
    account = await world.account(Role.ADMINISTRATOR)
    token = await auth.make_token(world.runtime, account.name, scopes=[scope])
    headers = {"Authorization": f"Bearer {token}"}
    wrong = []
    for method, canonical, path in routes(world.app):
        response = await world.client.request(method, path, headers=headers, allow_redirects=False)
        response.close()  # one of them is a stream
        if canonical.startswith(access.STAFF_API):
            allowed = access.TABLE[access.name(method, canonical)].scope is scope
            good = (response.status == 403) is not allowed
        else:
            good = response.status == 303 and response.headers["Location"].startswith("/login")
        if not good:
            wrong.append((method, canonical, response.status))
    assert wrong == []


async def test_a_token_is_nobody_on_pages(world: World) -> None:
    headers = await world.token(Role.ADMINISTRATOR)
    for path, status in (("/login", 200), ("/console", 303), ("/", 404)):
        response = await world.client.get(path, headers=headers, allow_redirects=False)
        assert response.status == status
        assert "administrator-" not in await response.text()


async def test_a_token_loses_what_its_owner_loses(world: World) -> None:
    await world.account(Role.ADMINISTRATOR, "chief")
    owner = await world.account(Role.MODERATOR)
    headers = {"Authorization": f"Bearer {await auth.make_token(world.runtime, owner.name)}"}
    path = "/api/v1/console/deliveries/again"
    assert (await world.client.post(path, json={"ids": [1]}, headers=headers)).status == 200
    await world.runtime.database.write(lambda tx: accounts.set_role(tx, owner.id, Role.VIEWER, None))
    assert (await world.client.post(path, json={"ids": [1]}, headers=headers)).status == 403


async def test_a_token_that_may_not_read_is_nobody_elsewhere(world: World) -> None:
    await world.account(Role.ADMINISTRATOR)
    for scope, status in ((Scope.POST, 403), (Scope.READ, 200)):
        token = await auth.make_token(world.runtime, "administrator", scopes=[scope])
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
        assert (await world.client.get("/metrics", headers=headers)).status == status


def test_scopes_are_offered_by_what_a_role_may() -> None:
    offered = {role: list(access.scopes_of(Account("id", "li", role))) for role in Role}
    assert offered == {
        Role.ADMINISTRATOR: [Scope.READ, Scope.POST, Scope.MODERATE, Scope.OPERATE, Scope.ADMIN],
        Role.MODERATOR: [Scope.READ, Scope.POST, Scope.MODERATE, Scope.OPERATE],
        Role.OFFICER: [Scope.READ, Scope.POST],
        Role.VIEWER: [Scope.READ],
    }


async def test_the_description_names_each_scope(world: World) -> None:
    described = await (await world.client.get("/api/openapi.json")).json()
    needed = {
        access.name(method.upper(), path): operation["security"]
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
        if path.startswith(access.STAFF_API)
    }
    assert needed == {
        name: [{"bearer": [rule.scope]}] for name, rule in access.TABLE.items() if f" {access.STAFF_API}" in name
    }
