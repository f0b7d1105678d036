"""What every JSON body that comes in has in common: a model checks it, and a fault names the field."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway import clock
from gateway.errors import BadInput

LONGEST_TEXT = 100_000
Language = Literal["zh", "en"]


def _in_every_zone(at: datetime) -> datetime:
    if not clock.in_every_zone(at):
        raise ValueError("a moment of our time")
    return at


When = Annotated[AwareDatetime, AfterValidator(_in_every_zone)]
Slug = Annotated[str, Field(pattern="^[a-z0-9-]{1,64}$")]


class In(BaseModel):
    """A body that comes in: nothing unknown, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True)


B = TypeVar("B", bound=In)


async def read(request: web.Request, model: type[B]) -> B:
    """The body of a request as a model. Raises `BadInput` naming the field that is wrong."""
    if request.content_type != "application/json":
        raise BadInput("send JSON, with Content-Type: application/json")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        raise bad_input(error) from error


def of_form(form: Mapping[str, Any], model: type[B], others: Collection[str]) -> B:
    """The fields of a form as a model, but for those of `others`. Raises `BadInput` naming the field that is wrong."""
    fields = {name: value for name, value in form.items() if name not in others and isinstance(value, str)}
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise bad_input(error) from error


def bad_input(error: ValidationError) -> BadInput:
    """The first fault of a body, in words that repeat nothing of it."""
    first: Any = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    return BadInput(first["msg"], field)
