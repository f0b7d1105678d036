"""The same for programs: `/api/v1/console/subscribers`."""

from dataclasses import asdict

from aiohttp import web

from gateway.journey import subscribing
from gateway.web import bodies, bodies_deliveries
from gateway.web.console_api import plain
from gateway.web.keys import ACCOUNT, RUNTIME
from gateway.web.subscribers import ACTS
from store import subscribers

PATH = "/api/v1/console/subscribers"


def routes() -> list[web.RouteDef]:
    """Its addresses, all for administrators."""
    return [
        web.get(PATH, _all),
        web.post(PATH, _add),
        web.post(PATH + "/{id}/{act:rotate|" + "|".join(ACTS) + "}", _act),
    ]


async def _all(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        found = await subscribers.everyone(connection)
    return web.json_response({"items": [plain(asdict(one)) for one in found]})


async def _add(request: web.Request) -> web.Response:
    """Enter one; the secret in the answer is never given again."""
    account = request[ACCOUNT]
    body = await bodies.read(request, bodies_deliveries.Subscriber)
    entered = await subscribing.add(request.app[RUNTIME], **body.model_dump(), actor=account.name)
    return web.json_response({"id": entered.id, "secret": entered.secret}, status=201)


async def _act(request: web.Request) -> web.Response:
    account = request[ACCOUNT]
    runtime, address_id, act = request.app[RUNTIME], request.match_info["id"], request.match_info["act"]
    if act == "rotate":
        entered = await subscribing.rotate(runtime, address_id, actor=account.name)
        return web.json_response({"id": entered.id, "secret": entered.secret})
    await ACTS[act](runtime, address_id, actor=account.name)
    return web.json_response({"id": address_id})
