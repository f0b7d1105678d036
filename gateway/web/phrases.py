"""The public pages of daily phrases: today's with its live count, a campaign's results, and how to check its draw."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.casework import draws
from gateway.casework.campaigns import today
from gateway.schema_public import moment
from gateway.web.api import answer
from gateway.web.keys import DRAWING, PHRASES, RUNTIME
from store import campaigns, citizens
from store.campaigns import Campaign

PATH = "/phrase"
SLUG = r"/{slug:[a-z0-9][a-z0-9-]{0,63}}"
# What a form that was sent may lead back with, said again on the page.
SAID = ("phrase_taken", "phrase_again", "phrase_over", "phrase_barred", "phrase_young", "phrase_network")


def routes() -> list[web.RouteDef]:
    """Their addresses."""
    return [
        web.get(PATH, _now),
        web.get(PATH + SLUG, _campaign),
        web.get(PATH + SLUG + "/entries.txt", _entries),
        web.get("/api/v1/phrase", _api),
    ]


async def _now(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    found = await request.app[PHRASES].look()
    async with runtime.database.reading() as connection:
        known = await campaigns.newest(connection)
    day = today(runtime).isoformat()
    said = request.query.get("said", "")
    values: dict[str, Any] = {
        "today": found,
        "mine": await _own_numbers(request, [one.campaign for one in found]),
        "coming": [one for one in known if one.begins_on > day and not one.ended_at],
        "going": [one for one in known if one.begins_on <= day <= one.ends_on and not one.ended_at],
        "past": [one for one in known if one.ends_on < day],
        "said": said if said in SAID else None,
        "days": {one.campaign.id: one.campaign.line_days for one in found},
        "settled": lambda campaign: draws.settled(runtime, campaign),
    }
    return await request.app[DRAWING].page(request, "phrase.html", values)


async def _campaign(request: web.Request) -> web.Response:
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        campaign = await campaigns.find(connection, request.match_info["slug"])
        told = [one for one in await campaigns.calendar(connection, [campaign.id]) if one.post_id]
        counted = await campaigns.counts(connection, [one.id for one in told])
        won = await campaigns.winners_of(connection, campaign.id)
        barred = await campaigns.barred(connection, campaign.id)
    seed = await draws.public_seed(runtime, campaign)
    values: dict[str, Any] = {
        "campaign": campaign,
        "told": told,
        "counted": counted,
        "seed": seed,
        "won": won if seed else (),
        "barred": barred,
        "over": campaign.ends_on < today(runtime).isoformat(),
    }
    return await request.app[DRAWING].page(request, "phrase_campaign.html", values)


async def _entries(request: web.Request) -> web.StreamResponse:
    """The list of entries: as it was drawn, once it was; before that as it stands, so that each finds his number."""
    runtime = request.app[RUNTIME]
    async with runtime.database.reading() as connection:
        campaign = await campaigns.find(connection, request.match_info["slug"])
        if campaign.list_sha256 and draws.settled(runtime, campaign):
            kept = runtime.blobs.path(campaign.list_sha256)
            return web.FileResponse(kept, headers=_as_file(campaign))
        listed = draws.listed(await campaigns.entries(connection, campaign.id))
    return web.Response(body=listed, headers=_as_file(campaign))


async def _api(request: web.Request) -> web.Response:
    """Today's phrases for programs."""
    return answer(
        {
            "items": [
                {
                    "campaign": one.campaign.slug,
                    "day": one.phrase.day,
                    "text": {"zh": one.phrase.text_zh or None, "en": one.phrase.text_en or None},
                    "participants": one.number,
                    "published_at": moment(one.phrase.published_at) if one.phrase.published_at else None,
                    "commitment": one.campaign.commitment,
                }
                for one in await request.app[PHRASES].look()
            ]
        }
    )


async def _own_numbers(request: web.Request, known: list[Campaign]) -> Mapping[str, str]:
    """The numbers by which whoever looks takes part, by campaign."""
    runtime, visitor = request.app[RUNTIME], request.app[DRAWING].returning(request)
    if visitor is None or not known:
        return {}
    found = {}
    async with runtime.database.reading() as connection:
        line = await citizens.known(connection, runtime.vault, visitor)
        if line is None or line.person is None:
            return {}
        for campaign in known:
            number = await campaigns.number_of(connection, campaign.id, line.person)
            if number:
                found[campaign.id] = number
    return found


def _as_file(campaign: Campaign) -> Mapping[str, str]:
    return {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{campaign.slug}-entries.txt"',
    }
