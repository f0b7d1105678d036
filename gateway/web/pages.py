"""Public pages that belong to no channel: what the city says of itself."""

from typing import Any

from aiohttp import web

from gateway.journey import automatic
from gateway.settings import Settings
from gateway.web.keys import DRAWING, RUNTIME


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get("/rules", _rules),
        web.get("/privacy", _privacy),
        web.get("/follow", _follow),
    ]


async def _draw(request: web.Request, template: str, status: int = 200, **values: Any) -> web.Response:
    # They tell what the settings are and whether a rule publishes: the same to everybody.
    return await request.app[DRAWING].page(request, template, values, status, lasting=True)


async def _rules(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    mode, _ = await automatic.in_force(request.app[RUNTIME])
    values: dict[str, Any] = {"rules": settings, "hidden": _hidden(settings), "by_hand": mode is automatic.Mode.BY_HAND}
    return await _draw(request, "rules.html", reasons=settings.reasons[:-1], **values)


async def _privacy(request: web.Request) -> web.Response:
    settings = request.app[RUNTIME].settings
    return await _draw(request, "privacy.html", rules=settings, hidden=_hidden(settings))


async def _follow(request: web.Request) -> web.Response:
    return await _draw(request, "follow.html")


def _hidden(settings: Settings) -> list[str]:
    """Which private numbers are hidden in texts, as `moderation_labels.MASKED` names them."""
    return [kind for kind, on in settings.filters.masking.model_dump().items() if on]
