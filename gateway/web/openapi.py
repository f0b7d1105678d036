"""The API described (OpenAPI 3.1) from the same models that check it."""

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from gateway.casework.periods import Against, By, Period
from gateway.journey.tokens import LONGEST_QUERY
from gateway.runtime import Runtime
from gateway.schema import FIRST_KINDS
from gateway.schema_cases import Progress
from gateway.schema_outgoing import DeliveryState
from gateway.web import (
    access,
    bodies_casework,
    bodies_deliveries,
    bodies_moderation,
    bodies_organisation,
    bodies_public,
    openapi_assessment,
    openapi_casework,
    openapi_organisation,
    openapi_services,
)
from gateway.web.subscribers import ACTS
from store.accounts import Role
from store.broadcasts import BroadcastState

REFERENCE = "#/components/schemas/{model}"
TICKET = {"name": "ticket", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]{8}$"}}
PATH_REFERENCE = {"name": "reference", "in": "path", "required": True, "schema": {"type": "string"}}
_CURSOR = {"name": "cursor", "in": "query", "schema": {"type": "string"}}
PATH_DECISION = {"name": "decision", "in": "path", "required": True, "schema": {"type": "string"}}
FILTERS = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
    *(
        {"name": name, "in": "query", "description": f"The {name}, with all that {below}", "schema": {"type": "string"}}
        for name, below in (("category", "stands below it"), ("department", "stands below it"), ("place", "lies in it"))
    ),
]
DAY = {"type": "string", "description": "A day of the city (2026-01-31) or a moment (RFC 3339)", "maxLength": 40}
SEARCH = [
    {
        "name": "q",
        "in": "query",
        "description": "Words that must all be there, a phrase in quotes, or a ticket",
        "schema": {"type": "string", "maxLength": LONGEST_QUERY},
    },
    {"name": "kind", "in": "query", "schema": {"type": "string", "enum": list(FIRST_KINDS)}},
    {"name": "progress", "in": "query", "schema": {"type": "string", "enum": list(Progress)}},
    *({"name": name, "in": "query", "schema": DAY} for name in ("since", "until")),
]
MOST_ITEMS = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
}
DELIVERIES = [
    {"name": "ticket", "in": "query", "schema": TICKET["schema"]},
    {"name": "state", "in": "query", "schema": {"type": "string", "enum": list(DeliveryState)}},
    {"name": "channel", "in": "query", "schema": {"type": "string", "maxLength": 32}},
]
PATH_DELIVERY = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999_999},
}
_MOST_ENDED = {
    "parameters": [
        {
            "name": "limit",
            "in": "query",
            "description": "How many that ended",
            "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50},
        }
    ]
}
BROADCAST_STATE = {"name": "state", "in": "query", "schema": {"type": "string", "enum": list(BroadcastState)}}
ANALYTICS = [
    {"name": "period", "in": "query", "schema": {"type": "string", "enum": list(Period), "default": Period.WEEK}},
    {"name": "against", "in": "query", "schema": {"type": "string", "enum": list(Against), "default": Against.BEFORE}},
    {"name": "by", "in": "query", "schema": {"type": "string", "enum": list(By), "default": By.TIME}},
    *(
        {"name": name, "in": "query", "description": "For `own`", "schema": {"type": "string", "format": "date"}}
        for name in ("first", "last")
    ),
]
TRACES = [
    *({"name": name, "in": "query", "schema": {"type": "string"}} for name in ("actor", "action", "post", "target")),
    *({"name": name, "in": "query", "schema": {"type": "string", "format": "date"}} for name in ("since", "until")),
    {"name": "before", "in": "query", "schema": {"type": "integer", "minimum": 1}},
]
SUBSCRIBER_ACT = [
    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
    {"name": "act", "in": "path", "required": True, "schema": {"type": "string", "enum": [*ACTS, "rotate"]}},
]


SCOPES = (
    "A token of a member of staff. It may what its owner's role may, within its scopes: read, post (answer as a "
    "department, write notes), moderate, operate, admin."
)


def describe(runtime: Runtime) -> dict[str, Any]:
    """The whole description. A channel that takes JSON names its model as `BODY`, and as `FORM` that with files; one
    that takes additions to a post, as `COMMENT`."""
    taken = [model for channel in runtime.channels.values() if (model := getattr(channel, "BODY", None))]
    forms = [model for channel in runtime.channels.values() if (model := getattr(channel, "FORM", None))]
    models: list[Any] = [
        bodies_moderation.Decision,
        bodies_casework.Answer,
        bodies_deliveries.Again,
        bodies_deliveries.Drop,
        bodies_deliveries.BroadcastChange,
    ]
    models += [
        *openapi_assessment.MODELS,
        *openapi_casework.MODELS,
        *openapi_organisation.MODELS,
        *openapi_services.MODELS,
        bodies_organisation.NewUser,
        bodies_organisation.UserChange,
        bodies_deliveries.Subscriber,
    ]
    models += [bodies_moderation.Decisions, bodies_moderation.WriteAgain]
    models += [bodies_public.Post, bodies_public.Page, bodies_public.Problem]
    added = [model for channel in runtime.channels.values() if (model := getattr(channel, "COMMENT", None))]
    models += [*taken, *forms, *added]
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REFERENCE)
    paths = {**_paths(), **openapi_casework.paths(_operation, PATH_REFERENCE), **openapi_assessment.paths(_operation)}
    paths |= {**openapi_organisation.paths(_operation, PATH_REFERENCE), **openapi_services.paths(_operation)}
    if taken:
        say = _operation("Say something", body=taken[0].__name__, status="202", extra={"parameters": [_IDEMPOTENCY]})
        if forms:
            described = _with_files(schemas["$defs"].pop(forms[0].__name__), runtime)
            say["requestBody"]["content"]["multipart/form-data"] = {"schema": described}
        paths["/api/v1/posts"]["post"] = say
    for model in added:
        paths["/api/v1/posts/{ticket}/comments"]["post"] = _operation(
            "Add to a published post", body=model.__name__, status="202", extra={"parameters": [TICKET, _IDEMPOTENCY]}
        )
    answer = paths["/api/v1/console/posts/{reference}/answers"]["post"]
    described = _with_files(schemas["$defs"]["Answer"], runtime, "Photos")
    answer["requestBody"]["content"]["multipart/form-data"] = {"schema": described}
    _guard(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Everyline", "version": "1", "description": "What a city's people say, and the answers."},
        "servers": [{"url": runtime.settings.public_url}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": SCOPES}},
        },
    }


_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key gives the same answer and makes no second post.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}


def _with_files(schema: Mapping[str, Any], runtime: Runtime, kinds: str = "Photos and recordings") -> dict[str, Any]:
    limits = runtime.settings.media
    files = {
        "type": "array",
        "maxItems": limits.most_files,
        "items": {"type": "string", "contentMediaType": "application/octet-stream"},
        "description": f"{kinds}, each of at most {limits.most_bytes} bytes and all together of at most "
        f"{limits.most_together}. What they are, their content says.",
    }
    return {**schema, "properties": {**schema["properties"], "media": files}}


def _guard(paths: dict[str, dict[str, Any]]) -> None:
    """Say of each of the staff's operations which scope its token needs, and which roles it is for."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            if rule := access.TABLE.get(access.name(method.upper(), path)):
                operation["security"] = [{"bearer": [rule.scope]}]
                roles = ", ".join(role for role in Role if role in rule.roles)
                operation["description"] = f"Needs a token with the scope `{rule.scope}`. For: {roles}."


def _paths() -> dict[str, dict[str, Any]]:
    return {**_public(), **_moderation(), **_telling(), **_running()}


def _items(model: str) -> dict[str, Any]:
    """A list of all there are."""
    return {"type": "object", "properties": {"items": {"type": "array", "items": _ref(model)}}}


def _public() -> dict[str, dict[str, Any]]:
    post, page = "Post", "Page"
    return {
        "/api/v1/posts": {"get": _operation("What was published", page, extra={"parameters": [*FILTERS, *SEARCH]})},
        "/api/v1/posts/{ticket}": {"get": _operation("One thread", post, extra={"parameters": [TICKET]})},
        "/api/v1/posts/{ticket}/comments": {
            "get": _operation("What was added to a thread", page, extra={"parameters": [TICKET, *FILTERS[:2]]})
        },
        "/api/v1/stream": {"get": _stream()},
        "/api/v1/departments": {"get": _operation("The departments", _items("PublicDepartment"))},
        "/api/v1/categories": {"get": _operation("The categories", _items("PublicCategory"))},
        "/api/v1/phrase": {
            "get": _operation("The phrases of the day, and how many posted each back", {"type": "object"})
        },
        "/api/v1/stats": {"get": _operation("How many posts stand in each state", {"type": "object"})},
    }


def _moderation() -> dict[str, dict[str, Any]]:
    return {
        "/api/v1/console/queue": {"get": _operation("What waits for a decision", extra={"parameters": [MOST_ITEMS]})},
        "/api/v1/console/posts/{reference}": {
            "get": _operation(
                "A post whole, by id or ticket", {"type": "object"}, extra={"parameters": [PATH_REFERENCE]}
            )
        },
        "/api/v1/console/posts/{reference}/decision": {
            "post": _operation("Decide", body="Decision", extra={"parameters": [PATH_REFERENCE]})
        },
        "/api/v1/console/posts/{reference}/undo": {
            "post": _operation(
                "Undo the last decision, within the undo time",
                {"type": "object"},
                extra={"parameters": [PATH_REFERENCE]},
            )
        },
        "/api/v1/console/decisions": {
            "post": _operation(
                "Decide several posts at once, each with its own outcome", {"type": "object"}, body="Decisions"
            )
        },
        "/api/v1/console/decisions/{decision}/undo": {
            "post": _operation(
                "Undo a decision about several posts, within the undo time",
                {"type": "object"},
                extra={
                    "parameters": [{"name": "decision", "in": "path", "required": True, "schema": {"type": "string"}}]
                },
            )
        },
        "/api/v1/console/posts/{reference}/answers": {
            "post": _operation(
                "Answer as a department",
                body="Answer",
                status="201",
                extra={"parameters": [PATH_REFERENCE]},
            )
        },
    }


def _telling() -> dict[str, dict[str, Any]]:
    """Broadcasts, deliveries, channels and subscribers."""
    return {
        "/api/v1/console/broadcasts": {
            "get": _operation("Broadcasts", extra={"parameters": [BROADCAST_STATE, MOST_ITEMS]})
        },
        "/api/v1/console/broadcasts/{id}": {
            "get": _operation(
                "A broadcast and what became of it", {"type": "object"}, extra={"parameters": [openapi_casework.ID]}
            )
        },
        "/api/v1/console/broadcasts/{id}/change": {
            "post": _operation(
                "Pause, resume, stop a broadcast, or agree to its cost",
                {"type": "object"},
                body="BroadcastChange",
                extra={"parameters": [openapi_casework.ID]},
            )
        },
        "/api/v1/console/deliveries": {
            "get": _operation("Deliveries", extra={"parameters": [*DELIVERIES, MOST_ITEMS, _CURSOR]})
        },
        "/api/v1/console/deliveries/{id}": {
            "get": _operation(
                "Why one delivery stands where it does: its attempts, and what it waits for",
                extra={"parameters": [PATH_DELIVERY]},
            )
        },
        "/api/v1/console/deliveries/again": {"post": _operation("Send dead letters again", body="Again")},
        "/api/v1/console/deliveries/drop": {"post": _operation("Drop deliveries", body="Drop")},
        "/api/v1/console/channels": {"get": _operation("Channels", {"type": "object"})},
        "/api/v1/console/subscribers": {
            "get": _operation("Systems that are told by webhook", {"type": "object"}),
            "post": _operation("Enter a subscriber", {"type": "object"}, body="Subscriber", status="201"),
        },
        "/api/v1/console/subscribers/{id}/{act}": {
            "post": _operation(
                "Do something with a subscriber", {"type": "object"}, extra={"parameters": SUBSCRIBER_ACT}
            )
        },
    }


def _running() -> dict[str, dict[str, Any]]:
    """Figures, people and settings."""
    return {
        "/api/v1/console/overview": {
            "get": _operation("What waits, what was done today, and whether channels are well")
        },
        "/api/v1/console/calls": {
            "get": _operation("Calls going on, with their words so far, and those that ended", extra=_MOST_ENDED)
        },
        "/api/v1/console/transcription": {
            "get": _operation("What waits for being written down, how fast the models are, and what failed")
        },
        "/api/v1/console/transcription/{id}/again": {
            "post": _operation(
                "Have a recording written down again, by another model if one is named",
                body="WriteAgain",
                status="202",
                extra={"parameters": [openapi_casework.ID]},
            )
        },
        "/api/v1/console/analytics": {
            "get": _operation(
                "Counts and times of a period, along one dimension, beside another period",
                extra={"parameters": ANALYTICS},
            )
        },
        "/api/v1/console/users": {
            "get": _operation("Everybody of the staff, and how each account stands"),
            "post": _operation(
                "Make an account, with the one-time link by which its password is chosen", body="NewUser", status="201"
            ),
        },
        "/api/v1/console/users/{id}/change": {
            "post": _operation(
                "Change a role, disable, enable, reset a password (gives a new link), or take a second factor away",
                body="UserChange",
                extra={"parameters": [openapi_casework.ID]},
            )
        },
        "/api/v1/console/audit": {
            "get": _operation("What staff did, newest first", extra={"parameters": [*TRACES, MOST_ITEMS]})
        },
        "/api/v1/console/settings": {"get": _operation("The settings in force, without secrets")},
    }


def _stream() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    operation = _operation("Publications as they happen: events post, update and withdrawn, each with a Post as data")
    operation["responses"]["200"]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    operation["parameters"] = [
        {"name": "Last-Event-ID", "in": "header", "description": "Continue after this number", "schema": number},
        {"name": "last", "in": "query", "description": "The same, where headers cannot be set", "schema": number},
    ]
    return operation


def _operation(
    summary: str,
    gives: str | Mapping[str, Any] | None = None,
    *,
    body: str | None = None,
    status: str = "200",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    schema = _ref(gives) if isinstance(gives, str) else dict(gives or {"type": "object"})
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            status: {"description": summary, "content": {"application/json": {"schema": schema}}},
            "default": {
                "description": "What went wrong",
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            },
        },
        **(extra or {}),
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    return operation


def _ref(model: str) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=model)}
