"""The API of the departments' assessment, described for `openapi`."""

from collections.abc import Callable
from typing import Any

from gateway.web import bodies_casework
from store.judging import Which

MODELS = (bodies_casework.AssessmentPoints, bodies_casework.AssessmentCorrection)
MONTH = {
    "name": "month",
    "in": "query",
    "description": "A month by the city's clock (2026-03); the newest that is judged when left out",
    "schema": {"type": "string", "pattern": "^2[0-9]{3}-(0[1-9]|1[0-2])$"},
}
DEPARTMENT = {"name": "department", "in": "path", "required": True, "schema": {"type": "string"}}
PAGE = [
    {"name": "which", "in": "query", "schema": {"type": "string", "enum": list(Which), "default": Which.ALL}},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
    {"name": "cursor", "in": "query", "schema": {"type": "string"}},
]


def paths(operation: Callable[..., dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Their addresses; `operation` describes one."""
    changed = {"type": "object"}
    return {
        "/api/v1/assessment": {
            "get": operation("How departments are judged in a month", extra={"parameters": [MONTH]})
        },
        "/api/v1/assessment/{department}": {
            "get": operation(
                "How one department is judged, and its last months", extra={"parameters": [DEPARTMENT, MONTH]}
            )
        },
        "/api/v1/assessment/{department}/posts": {
            "get": operation(
                "The reports behind a number; `hidden` are those that not everybody may read",
                extra={"parameters": [DEPARTMENT, MONTH, *PAGE]},
            )
        },
        "/api/v1/console/assessment": {
            "get": operation("The same for staff: who gave which points", extra={"parameters": [MONTH]})
        },
        "/api/v1/console/assessment/points": {
            "post": operation("Give a supervisor\u2019s points, with a reason", changed, body="AssessmentPoints")
        },
        "/api/v1/console/assessment/corrections": {
            "post": operation(
                "Leave a report out of a frozen month, or take it in again", changed, body="AssessmentCorrection"
            )
        },
    }
