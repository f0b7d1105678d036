"""The API of inbox, notes, templates of answers, routing rules and the trial of a word, described for `openapi`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway.casework import inbox as wanting
from gateway.casework.bulletins import ACTS
from gateway.schema import Kind, State
from gateway.web import bodies_casework, bodies_moderation
from store.inbox import MOST

MODELS = (
    bodies_casework.Handling,
    bodies_casework.Joining,
    bodies_casework.Officer,
    bodies_casework.Note,
    bodies_casework.InboxFilter,
    bodies_casework.InboxFilterChange,
    bodies_casework.AnswerTemplate,
    bodies_casework.AnswerTemplateChange,
    bodies_moderation.WordTrial,
    bodies_moderation.Whereabouts,
    bodies_casework.RoutingRule,
    bodies_casework.RoutingTrial,
)
_CHOICES: Mapping[str, Sequence[str]] = {
    "kind": list(Kind),
    "state": list(State),
    "progress": list(wanting.PROGRESSES),
    "officer": wanting.OFFICERS,
    "urgent": list(wanting.YES_OR_NO),
    "mark": list(wanting.MARKS),
    "days": wanting.DAYS,
    "sort": list(wanting.SORTS),
}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}

_PROOF = {"name": "proof", "in": "query", "required": True, "schema": {"type": "string", "maxLength": 64}}
_ACT = {
    "parameters": [
        ID,
        {"name": "act", "in": "path", "required": True, "schema": {"type": "string", "enum": list(ACTS)}},
    ]
}


def paths(operation: Callable[..., dict[str, Any]], reference: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Their addresses; `operation` describes one, `reference` names a post."""
    one, changed = {"parameters": [ID]}, {"type": "object"}
    return {
        "/api/v1/console/inbox": {"get": operation("All that was said, by filters", extra={"parameters": _inbox()})},
        "/api/v1/console/filters": {
            "get": operation("Saved filters: one\u2019s own, and shared ones"),
            "post": operation("Save a filter", body="InboxFilter", status="201"),
        },
        "/api/v1/console/filters/{id}": {"delete": operation("Delete a saved filter", status="204", extra=one)},
        "/api/v1/console/filters/{id}/change": {
            "post": operation("Rename, share or replace a saved filter", changed, body="InboxFilterChange", extra=one)
        },
        "/api/v1/console/posts/{reference}/notes": {
            "post": operation(
                "Put an internal note to a post",
                body="Note",
                status="201",
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/posts/{reference}/case": {
            "post": operation(
                "Take a step with a thread\u2019s case",
                {"type": "object"},
                body="Handling",
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/posts/{reference}/join": {
            "post": operation(
                "Join a report to a public one about the same thing; its author gets the answer given there",
                {"type": "object", "properties": {"ticket": {"type": "string"}}},
                body="Joining",
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/posts/{reference}/separate": {
            "post": operation(
                "Have a joined report stand by itself again, or make what was added to one a report of its own",
                {"type": "object", "properties": {"ticket": {"type": "string"}}},
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/posts/{reference}/put-back": {
            "post": operation(
                "Put what was made a report of its own back under the report it was added to",
                {"type": "object", "properties": {"ticket": {"type": "string"}}},
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/posts/{reference}/place": {
            "post": operation(
                "Say where a report is",
                {"type": "object"},
                body="Whereabouts",
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/posts/{reference}/officer": {
            "post": operation(
                "Give a thread\u2019s case to one officer of its department, or to nobody",
                {"type": "object"},
                body="Officer",
                extra={"parameters": [reference]},
            )
        },
        "/api/v1/console/overdue": {"get": operation("What is late: not taken over, not accepted, not answered")},
        "/api/v1/console/templates": {
            "get": operation("Templates of answers"),
            "post": operation("Add a template", body="AnswerTemplate", status="201"),
        },
        "/api/v1/console/templates/{id}": {"delete": operation("Take a template away", status="204", extra=one)},
        "/api/v1/console/templates/{id}/change": {
            "post": operation("Give a template another wording", changed, body="AnswerTemplateChange", extra=one)
        },
        "/api/v1/console/duty": {"get": operation("Who is on duty, and whether the queue waits too long")},
        "/api/v1/console/campaigns": {"get": operation("Campaigns of daily phrases, and how each stands")},
        "/api/v1/console/bulletins": {
            "get": operation("The radio\u2019s bulletins, newest first"),
            "post": operation("Have a bulletin of what is new made in each language", changed, status="201"),
        },
        "/api/v1/console/bulletins/{id}/{act}": {
            "post": operation("Have a bulletin made anew, take it off the air, or restore it", changed, extra=_ACT)
        },
        "/api/v1/console/routing": {
            "get": operation("The routing rules, in their order"),
            "post": operation("Add a routing rule", changed, body="RoutingRule", status="201"),
        },
        "/api/v1/console/routing/trial": {
            "post": operation("Try a routing rule on past posts; nothing is changed", changed, body="RoutingTrial")
        },
        "/api/v1/console/routing/{id}/trial": {
            "post": operation("Try on past posts what would be without a routing rule", changed, extra=one)
        },
        "/api/v1/console/routing/{id}/change": {
            "post": operation("Change a routing rule", changed, body="RoutingRule", extra=one)
        },
        "/api/v1/console/routing/{id}": {
            "delete": operation("Retire a routing rule", status="204", extra={"parameters": [ID, _PROOF]})
        },
        "/api/v1/console/words/trial": {"post": operation("Try a word on the last texts", changed, body="WordTrial")},
    }


def _inbox() -> list[dict[str, Any]]:
    names: list[dict[str, Any]] = []
    for name in (*wanting.NAMES, "cursor"):
        schema: dict[str, Any] = {"type": "string"}
        if name in _CHOICES:
            schema["enum"] = list(_CHOICES[name])
        names.append({"name": name, "in": "query", "schema": schema})
    limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": 50}
    return [*names, {"name": "limit", "in": "query", "schema": limit}]
