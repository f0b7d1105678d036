"""The pages of one's own second factor: begun, proved by a first code, its recovery codes, and given up."""

from collections.abc import Sequence

from aiohttp import web

from gateway.errors import BadInput, EverylineError
from gateway.web import passwords, second_factor
from gateway.web.console import draw
from gateway.web.keys import ACCOUNT, RUNTIME
from store import audit, second_factors
from store.database import Transaction

HERE = "/console/account/second-factor"


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(HERE, _show),
        web.post(HERE, _begin),
        web.post(f"{HERE}/confirm", _confirm),
        web.post(f"{HERE}/codes", _renew_codes),
        web.post(f"{HERE}/remove", _remove),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _draw(request)


async def _begin(request: web.Request) -> web.Response:
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    try:
        await _again(request)
        await second_factor.begin(runtime, account)
    except BadInput as error:
        return await _draw(request, fault=error)
    raise web.HTTPSeeOther(HERE)


async def _confirm(request: web.Request) -> web.Response:
    runtime, account, form = request.app[RUNTIME], request[ACCOUNT], await request.post()

    async def work(transaction: Transaction) -> Sequence[str]:
        codes = await second_factor.confirm(runtime, transaction, account, str(form.get("code", "")))
        await audit.note(transaction, account.name, "second factor set up", account.name)
        return codes

    try:
        codes = await runtime.database.write(work)
    except BadInput as error:
        return await _draw(request, fault=error)
    return await _draw(request, codes=codes)


async def _renew_codes(request: web.Request) -> web.Response:
    runtime, account = request.app[RUNTIME], request[ACCOUNT]

    async def work(transaction: Transaction) -> Sequence[str]:
        factor = await second_factors.of_account(transaction.connection, runtime.vault, account.id)
        if factor is None or factor.confirmed_at is None:
            raise BadInput("set up a second factor first")
        codes = await second_factor.renew_codes(runtime, transaction, account)
        await audit.note(transaction, account.name, "recovery codes renewed", account.name)
        return codes

    try:
        await _again(request)
        codes = await runtime.database.write(work)
    except BadInput as error:
        return await _draw(request, fault=error)
    return await _draw(request, codes=codes)


async def _remove(request: web.Request) -> web.Response:
    runtime, account = request.app[RUNTIME], request[ACCOUNT]

    async def work(transaction: Transaction) -> None:
        if await second_factors.remove(transaction, account.id):
            await audit.note(transaction, account.name, "second factor removed", account.name)

    try:
        await _again(request)
    except BadInput as error:
        return await _draw(request, fault=error)
    await runtime.database.write(work)
    raise web.HTTPSeeOther(HERE)


async def _again(request: web.Request) -> None:
    """The password once more. Raises `BadInput`."""
    form = await request.post()
    await passwords.confirm(request.app[RUNTIME], request[ACCOUNT], str(form.get("current", "")))


async def _draw(
    request: web.Request, *, fault: EverylineError | None = None, codes: Sequence[str] = ()
) -> web.Response:
    runtime, account = request.app[RUNTIME], request[ACCOUNT]
    async with runtime.database.reading() as connection:
        factor = await second_factors.of_account(connection, runtime.vault, account.id)
    begun = factor is not None and factor.confirmed_at is None
    secret = factor.secret if factor and begun else ""
    return await draw(
        request,
        "console/second_factor.html",
        fault.status if fault else 200,
        factor=factor,
        begun=begun,
        secret=second_factor.spelled(secret),
        picture=second_factor.picture(second_factor.address(runtime, account, secret)) if begun else None,
        codes=codes,
        needed=account.role in runtime.settings.accounts.second_factor_for,
        fault=str(fault) if fault else None,
    )
