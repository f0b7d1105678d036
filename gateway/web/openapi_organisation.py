"""The API of departments, categories and what a report is about, described for `openapi`."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.web import bodies_moderation, bodies_organisation
from gateway.web.organisation import ACTS, KINDS

MODELS = (
    bodies_organisation.PublicDepartment,
    bodies_organisation.PublicCategory,
    bodies_organisation.Department,
    bodies_organisation.Category,
    bodies_moderation.CategoryChoice,
)
KIND = {"name": "kind", "in": "path", "required": True, "schema": {"type": "string", "enum": list(KINDS)}}
SLUG = {"name": "slug", "in": "path", "required": True, "schema": {"type": "string"}}
ACT = {"name": "act", "in": "path", "required": True, "schema": {"type": "string", "enum": list(ACTS)}}
CHANGE = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999_999},
}
PATH = "/api/v1/console/organisation"


def paths(operation: Callable[..., dict[str, Any]], reference: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Their addresses; `operation` describes one, `reference` names a post."""
    made = {"type": "object"}
    added = operation("Add a department or category", made, body="Department", status="201", extra=_at(KIND))
    changed = operation("Change a department or category", made, body="Department", extra=_at(KIND, SLUG))
    for one in (added, changed):
        names = ("Department", "Category")
        either = [{"$ref": f"#/components/schemas/{name}"} for name in names]
        one["requestBody"]["content"]["application/json"]["schema"] = {"anyOf": either}
    return {
        PATH: {"get": operation("Departments and categories, also the retired", made)},
        f"{PATH}/{{kind}}": {"post": added},
        f"{PATH}/{{kind}}/{{slug}}/change": {"post": changed},
        f"{PATH}/{{kind}}/{{slug}}/changes": {"get": operation("What became of one", made, extra=_at(KIND, SLUG))},
        f"{PATH}/{{kind}}/{{slug}}/{{act}}": {
            "post": operation("Retire, restore or move a department or category", made, extra=_at(KIND, SLUG, ACT))
        },
        f"{PATH}/categories/{{slug}}/withdraw": {
            "post": operation("Withdraw what is public in a sensitive category", made, extra=_at(SLUG))
        },
        f"{PATH}/changes/{{id}}/undo": {"post": operation("Undo a change", made, extra=_at(CHANGE))},
        "/api/v1/console/posts/{reference}/category": {
            "post": operation(
                "Say what a report is about", made, body="CategoryChoice", extra={"parameters": [reference]}
            )
        },
    }


def _at(*parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": list(parameters)}
