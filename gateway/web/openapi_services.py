"""The API of services, for everybody and for staff, described for `openapi`."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.casework.service_words import LONGEST_QUESTION
from gateway.casework.services import Step
from gateway.web import bodies_services
from gateway.web.openapi_casework import ID
from store.services import ServiceState

# How many a list gives at most, and how many a question.
MOST_LISTED, MOST_FOUND = 500, 20
MODELS = (
    bodies_services.ServiceEntry,
    bodies_services.ServiceChange,
    bodies_services.WordDismissal,
    bodies_services.Service,
    bodies_services.Services,
)
_SLUG = {"name": "slug", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}}
_STEP = {"name": "step", "in": "path", "required": True, "schema": {"type": "string", "enum": list(Step)}}
_STATE = {"name": "state", "in": "query", "schema": {"type": "string", "enum": list(ServiceState)}}
_QUERY = {
    "name": "q",
    "in": "query",
    "description": "Words of a question; those are given that it means, the best first",
    "schema": {"type": "string", "maxLength": LONGEST_QUESTION},
}
_DEPARTMENT = {"name": "department", "in": "query", "schema": {"type": "string"}}


def paths(operation: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Their addresses; `operation` describes one."""
    return {**_public(operation), **_staff(operation)}


def _public(operation: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    listed = {"parameters": [_QUERY, _DEPARTMENT, _most(MOST_FOUND)]}
    return {
        "/api/v1/services": {"get": operation("Services of departments", "Services", extra=listed)},
        "/api/v1/services/{slug}": {"get": operation("One service", "Service", extra={"parameters": [_SLUG]})},
    }


def _staff(operation: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    one, gives = {"parameters": [ID]}, {"type": "object"}
    begin = "/api/v1/console/services"
    return {
        begin: {
            "get": operation("Services in whatever state", extra={"parameters": [_STATE, _most(MOST_LISTED)]}),
            "post": operation("Write a service, as a draft", body="ServiceEntry", status="201"),
        },
        f"{begin}/words": {
            "get": operation("What was asked for in vain", extra={"parameters": [_most(200, 200)]}),
            "post": operation("Dismiss such a word, or put it back", body="WordDismissal"),
        },
        f"{begin}/{{id}}": {"get": operation("One service with its history", gives, extra=one)},
        f"{begin}/{{id}}/change": {
            "post": operation("Give a service other words", gives, body="ServiceChange", extra=one)
        },
        f"{begin}/{{id}}/undo": {"post": operation("Undo the last change of a service", gives, extra=one)},
        f"{begin}/{{id}}/tell": {
            "post": operation("Tell followers of news, on every channel", gives, status="201", extra=one)
        },
        f"{begin}/{{id}}/{{step}}": {
            "post": operation("Publish a service, review it, or take it away", gives, extra={"parameters": [ID, _STEP]})
        },
    }


def _most(usual: int, most: int = MOST_LISTED) -> Mapping[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return {"name": "limit", "in": "query", "schema": schema}
