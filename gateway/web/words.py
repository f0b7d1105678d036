"""The console's page of words: try a text, see which words are found how often, and how the lists stand."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from gateway import clock
from gateway.errors import BadInput
from gateway.journey import masking, trying
from gateway.journey.trying import Trial
from gateway.journey.wordlists import WordList
from gateway.schema import Hit, Verdict
from gateway.schema_public import moment
from gateway.web import bodies, bodies_moderation
from gateway.web.console import draw
from gateway.web.keys import RUNTIME
from store import words

MOST_WORDS = 200
# Whose colour a place has where words of several lists stand.
GRAVITY = (WordList.BLOCK, WordList.HOLD, WordList.EMERGENCY, WordList.WATCH)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a tried text: the list that marks it, and the rules found there."""

    text: str
    list: WordList | None = None
    rules: Sequence[str] = ()


def routes() -> list[web.RouteDef]:
    """Its addresses. A tried text is sent as a form: it belongs into no address and no log."""
    return [
        web.get("/console/words", _show),
        web.post("/console/words", _try),
        web.post("/console/words/trial", _try_word),
        web.post("/api/v1/console/words/trial", _api_try_word),
    ]


def marked(text: str, hits: Sequence[Hit]) -> list[Piece]:
    """Cut a text wherever a hit begins or ends; each piece has the rules of all the hits it lies in."""
    opening: defaultdict[int, list[Hit]] = defaultdict(list)
    closing: defaultdict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        opening[hit.start].append(hit)
        closing[hit.end].append(hit)
    pieces: list[Piece] = []
    open_hits: list[Hit] = []
    done = 0
    for at in (*sorted({*opening, *closing}), len(text)):
        if at > done:
            pieces.append(_piece(text[done:at], open_hits))
            done = at
        open_hits = [hit for hit in open_hits if hit not in closing[at]] + opening[at]
    return pieces


async def _show(request: web.Request) -> web.Response:
    return await _draw(request, "", None)


async def _try(request: web.Request) -> web.Response:
    form = await request.post()
    limit = request.app[RUNTIME].settings.intake.text_limit
    # Browsers send line ends as CRLF; what is shown and judged is the same text.
    text = str(form.get("text", "")).replace("\r\n", "\n")[:limit]
    return await _draw(request, text, request.app[RUNTIME].words.look(text) if text.strip() else None)


async def _try_word(request: web.Request) -> web.Response:
    """A word on the last texts, before somebody puts it into a list."""
    form = await request.post()
    line, size = str(form.get("word", "")), str(form.get("most", ""))
    most = int(size) if size in map(str, trying.SIZES) else trying.SIZES[0]
    try:
        trial = await trying.try_word(request.app[RUNTIME], line, most)
    except BadInput as error:
        return await _draw(request, "", None, line=line, most=most, fault=error)
    return await _draw(request, "", None, line=line, most=most, trial=trial)


async def _api_try_word(request: web.Request) -> web.Response:
    body = await bodies.read(request, bodies_moderation.WordTrial)
    trial = await trying.try_word(request.app[RUNTIME], body.word, body.most)
    return web.json_response(
        {
            "looked": trial.looked,
            "oldest": trial.oldest and moment(trial.oldest.created_at),
            "cut": trial.cut,
            "written": trial.written,
            "alike": trial.alike,
            "lists": {name: asdict(effect) for name, effect in trial.effects.items()},
            "samples": [
                {"ticket": one.text.ticket, "text": one.text.text, "state": one.text.state}
                | {"hits": [{"start": hit.start, "end": hit.end, "alike": hit.alike} for hit in one.hits]}
                for one in trial.samples
            ],
        }
    )


async def _draw(
    request: web.Request,
    text: str,
    verdict: Verdict | None,
    *,
    line: str = "",
    most: int = trying.SIZES[1],
    trial: Trial | None = None,
    fault: BadInput | None = None,
) -> web.Response:
    runtime = request.app[RUNTIME]
    today = clock.now().astimezone(runtime.settings.city.zone).date()
    async with runtime.database.reading() as connection:
        found = await words.most(connection, today, MOST_WORDS)
    values: dict[str, Any] = {
        "text": text,
        "verdict": verdict,
        "pieces": marked(text, verdict.hits) if verdict else [],
        "by_list": _by_list(verdict) if verdict else {},
        "masked": masking.mask_as_set(runtime.settings, text) if verdict else "",
        "limit": runtime.settings.intake.text_limit,
        "standing": runtime.words,
        "found": found,
        "line": line,
        "most": most,
        "sizes": trying.SIZES,
        "trial": trial,
        "samples": [(one, marked(one.text.text, one.hits)) for one in trial.samples] if trial else [],
        "fault": str(fault) if fault else None,
    }
    return await draw(request, "console/words.html", fault.status if fault else 200, **values)


def _piece(text: str, hits: Sequence[Hit]) -> Piece:
    lists = {hit.list for hit in hits}
    gravest = next((name for name in GRAVITY if name in lists), None)
    return Piece(text, gravest, list(dict.fromkeys(hit.rule for hit in hits)))


def _by_list(verdict: Verdict) -> dict[str, dict[str, bool]]:
    """The words found by list, and whether each is only alike."""
    found: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for rule in verdict.rules:
        name, _, word = rule.partition(":")
        found[name][word.removesuffix("~")] = word.endswith("~") and found[name].get(word.removesuffix("~"), True)
    return dict(found)
