"""Lists as the carrier's API gives them: filtered by date, newest first, page by page.

A page token is the id of the last row of the page before, so that what arrives meanwhile moves nothing to another page.
https://www.twilio.com/docs/usage/twilios-response#response-formats-list-paging-information
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from gateway.simulator.errors import ApiError

T = TypeVar("T")
Row = dict[str, Any]

USUAL_PAGE, LARGEST_PAGE = 50, 1000
SIGNS = ("", ">", "<")


@dataclass(frozen=True, slots=True)
class Span:
    """The dates a list is asked for. Times are compared by the second, as Twilio shows them."""

    day: datetime | None
    earliest: datetime | None
    latest: datetime | None

    def includes(self, moment: datetime | None) -> bool:
        """Whether a moment is among them; without a moment, only when none were asked for."""
        if self.day is None and self.earliest is None and self.latest is None:
            return True
        if moment is None:
            return False
        moment = moment.replace(microsecond=0)
        return (
            (self.day is None or moment.date() == self.day.date())
            and (self.earliest is None or moment >= self.earliest)
            and (self.latest is None or moment <= self.latest)
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for: its filters, how many rows, which page, and the row it follows."""

    filters: Mapping[str, str]
    size: int
    page: int
    after: str | None


def asked(request: web.Request, *names: str) -> Asked:
    """What a request asks of a list that knows some filters."""
    return Asked(
        filters={name: request.query[name] for name in names if name in request.query},
        size=max(1, min(_number(request, "PageSize", USUAL_PAGE), LARGEST_PAGE)),
        page=_number(request, "Page", 0),
        after=request.query.get("PageToken", "").removeprefix("PA") or None,
    )


def span(filters: Mapping[str, str], name: str) -> Span:
    """The dates in filters called `name`. Raises ValueError for what is none."""
    return Span(*(_moment(filters.get(name + sign)) for sign in SIGNS))


def page(rows: dict[str, T], includes: Callable[[T], bool], size: int, after: str | None) -> tuple[dict[str, T], bool]:
    """The newest `size` rows that are included and older than `after`, by their ids, and whether there are more."""
    found: dict[str, T] = {}
    for sid in _older_than(rows, after):
        if not includes(rows[sid]):
            continue
        if len(found) == size:
            return found, True
        found[sid] = rows[sid]
    return found, False


def answer(request: web.Request, name: str, rows: dict[str, Row], asked: Asked, more: bool) -> web.Response:
    """One page as JSON; `rows` by their ids."""

    def uri(values: dict[str, Any]) -> str:
        return f"{request.path}?{urlencode({**asked.filters, 'PageSize': asked.size, **values})}"

    following = {"Page": asked.page + 1, "PageToken": f"PA{next(reversed(rows))}"} if more else None
    return web.json_response(
        {
            name: list(rows.values()),
            "page": asked.page,
            "page_size": asked.size,
            "start": asked.page * asked.size,
            "end": asked.page * asked.size + max(0, len(rows) - 1),
            "uri": request.path_qs,
            "first_page_uri": uri({"Page": 0}),
            "next_page_uri": uri(following) if following else None,
            "previous_page_uri": uri({"Page": asked.page - 1}) if asked.page else None,
        }
    )


def bad_date() -> ApiError:
    """A filter is no date."""
    return ApiError(20001, "Invalid date in filter")


def _older_than(rows: dict[str, Any], after: str | None) -> Iterator[str]:
    newest_first = iter(reversed(rows))
    if after is not None:
        for sid in newest_first:
            if sid == after:
                break
    return newest_first


def _number(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 7 else default


def _moment(text: str | None) -> datetime | None:
    """A day or a moment in ISO 8601, UTC where it says nothing else. Raises ValueError."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
