"""The same for programs of staff: which campaigns there are and how each stands."""

from typing import Any

from aiohttp import web

from gateway.schema_public import moment
from gateway.web.keys import RUNTIME
from store import campaigns as rows
from store.campaigns import Campaign, Phrase


def routes() -> list[web.RouteDef]:
    """Its address."""
    return [web.get("/api/v1/console/campaigns", _list)]


async def _list(request: web.Request) -> web.Response:
    async with request.app[RUNTIME].database.reading() as connection:
        known = await rows.newest(connection)
        calendar = await rows.calendar(connection, [one.id for one in known])
        counted = await rows.counts(connection, [phrase.id for phrase in calendar])
        codes = await rows.codes(connection, [one.id for one in known])
    items = []
    for one in known:
        own = [phrase for phrase in calendar if phrase.campaign_id == one.id]
        items.append({**_shown(one), "codes": dict(zip(("all", "given"), codes[one.id], strict=True)), "days": []})
        items[-1]["days"] = [_day(phrase, counted.get(phrase.id, 0)) for phrase in own]
    return web.json_response({"items": items})


def _shown(one: Campaign) -> dict[str, Any]:
    return {
        **{"id": one.id, "slug": one.slug, "name": one.name, "prize": one.prize},
        **{"begins_on": one.begins_on, "ends_on": one.ends_on, "publish_at": one.publish_at},
        **{"winners": one.winners, "line_days": one.line_days, "per_network": one.per_network},
        **{"commitment": one.commitment, "list_sha256": one.list_sha256},
        "drawn_at": moment(one.drawn_at) if one.drawn_at else None,
        "ended_at": moment(one.ended_at) if one.ended_at else None,
    }


def _day(phrase: Phrase, number: int) -> dict[str, Any]:
    told = moment(phrase.published_at) if phrase.published_at else None
    text = {"zh": phrase.text_zh or None, "en": phrase.text_en or None}
    return {"day": phrase.day, "text": text, "published_at": told, "participants": number}
