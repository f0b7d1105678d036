"""Numbers too long to be any and moments at the ends of time: a clear answer for each, never a fault of ours."""

from collections.abc import Mapping
from typing import Any

import pytest

from store.accounts import Role
from tests.web.conftest import World
from tests.web.test_every_route import Secrets, city

__all__ = ["city"]
FIRST, LAST, LONG = "0001-01-01", "9999-12-31", "9" * 5000
NUMBERS = (LONG, "9" * 25, "-1", "²", "٣", "NaN", "1e999", "nul\x00")
DAYS = (FIRST, LAST, "2026-02-30", "nul\x00", "٢٠٢٦-٠٣-٠١")
MOMENTS = (f"{FIRST}T00:00", f"{LAST}T23:59", f"{FIRST}T00:00+14:00", f"{LAST}T23:59-12:00", "nul\x00")
SAID = {f"{part}_{language}": "some" for part in ("title", "text", "words") for language in ("zh", "en")}
SERVICE = {"department": "roads", "kind": "notice", **SAID}
NAMED = {f"{part}_{language}": "some" for part in ("name", "prize") for language in ("zh", "en")}
CAMPAIGN = {
    **{"slug": "spring", "begins_on": "2027-03-01", "ends_on": "2027-03-05", "publish_at": "08:00", **NAMED},
    **{"winners": "1", "line_days": "0", "per_network": "0"},
}
JUDGED = {"month": "2026-03", "department": "roads", "points": "5", "reason": "because of this"}
SHIFT = {"account": "0" * 32, "day": "2027-03-01", "begins": "08:00", "ends": "09:00"}
# Where a form goes, what stands in it, the field that is tried, and with what.
FORMS: tuple[tuple[str, Mapping[str, str], str, tuple[str, ...]], ...] = (
    ("/console/services", SERVICE, "valid_from", MOMENTS),
    ("/console/services", {**SERVICE, "preview": "1"}, "valid_until", MOMENTS),
    ("/console/services", SERVICE, "valid_until", MOMENTS),
    ("/console/services/{service}", SERVICE, "version", NUMBERS),
    ("/console/services/{service}", SERVICE, "valid_from", MOMENTS),
    ("/console/services/{service}/publish", {}, "version", NUMBERS),
    ("/console/services/words", {}, "word", NUMBERS),
    (
        "/console/templates/{template}",
        {"department": "roads", "language": "en", "name": "n", "text": "t"},
        "version",
        NUMBERS,
    ),
    ("/console/posts/{waiting}/decision", {"action": "publish"}, "version", NUMBERS),
    ("/console/posts/{waiting}/decision", {"action": "publish", "ends": "day"}, "last_day", DAYS),
    ("/console/posts/{ticket}/category", {"category": "roads"}, "version", NUMBERS),
    ("/console/decisions", {"action": "publish"}, "post", tuple(f"{'0' * 32}:{number}" for number in NUMBERS)),
    ("/console/campaigns", CAMPAIGN, "begins_on", DAYS),
    ("/console/campaigns", CAMPAIGN, "ends_on", DAYS),
    ("/console/campaigns", CAMPAIGN, "publish_at", ("24:00", "²²:²²", "08:00\x00")),
    ("/console/campaigns", CAMPAIGN, "winners", NUMBERS),
    ("/console/campaigns", CAMPAIGN, "name_en", ("nul\x00",)),
    ("/console/duty/shifts", SHIFT, "day", DAYS),
    ("/console/duty/shifts", SHIFT, "begins", ("24:00", "²²:²²", "08:00\x00")),
    ("/console/duty/notes", {}, "text", ("nul\x00", LONG)),
    ("/console/assessment/points", JUDGED, "points", NUMBERS),
    ("/console/assessment/points", JUDGED, "month", ("0000-00", "0001-01", "9999-12", "²²²²-²²", "nul\x00")),
    ("/console/assessment/corrections", {**JUDGED, "ticket": "12345670"}, "month", ("0001-01", "9999-12")),
    ("/console/posts/{ticket}/notes", {}, "text", ("nul\x00", LONG)),
    ("/console/posts/{ticket}/case", {"step": "pass_on", "department": "water"}, "text", ("nul\x00", LONG)),
    ("/console/posts/{ticket}/place", {}, "place", ("nul\x00", LONG)),
    ("/console/inbox/filters", {"query": "state=pending"}, "name", ("nul\x00", LONG)),
)
QUERIES = (
    *(f"/console/duty?week={day}" for day in (FIRST, LAST, "x")),
    *(
        f"{path}?month={month}"
        for path in ("/assessment", "/console/assessment", "/api/v1/assessment")
        for month in ("0001-01", "9999-12", "0000-00")
    ),
    *(f"/console/inbox?since={day}&until={day}" for day in (FIRST, LAST)),
    *(f"/console/analytics?period=own&first={day}&last={day}" for day in (FIRST, LAST)),
    f"/console/inbox?days={LONG[:40]}",
    "/assessment/roads/posts?cursor=nul%00",
    "/services?q=nul%00",
    "/api/v1/services?q=nul%00&limit=99999999999999999999",
    "/phrase/nul%00",
    "/console/audit?since=0001-01-01&until=9999-12-31",
)
SAID_BY_PROGRAM = {"title": "some", "text": "some"}
PROGRAMS: tuple[tuple[str, Mapping[str, Any], str, tuple[Any, ...]], ...] = (
    (
        "/api/v1/console/services",
        {"department": "roads", "kind": "notice", "en": SAID_BY_PROGRAM, "zh": SAID_BY_PROGRAM},
        "valid_until",
        (f"{FIRST}T00:00:00+14:00", f"{LAST}T23:59:59-12:00"),
    ),
    (
        "/api/v1/console/services/{service}/change",
        {"department": "roads", "kind": "notice", "en": SAID_BY_PROGRAM, "zh": SAID_BY_PROGRAM},
        "version",
        (10**30,),
    ),
    (
        "/api/v1/console/posts/{waiting}/decision",
        {"action": "publish"},
        "expires_at",
        (f"{FIRST}T00:00:00+14:00", f"{LAST}T23:59:59-12:00"),
    ),
    ("/api/v1/console/posts/{waiting}/decision", {"action": "publish"}, "version", (10**30,)),
    ("/api/v1/console/posts/{ticket}/category", {"category": "roads"}, "version", (10**30,)),
    (
        "/api/v1/console/assessment/points",
        {"month": "2026-03", "department": "roads", "reason": "because"},
        "points",
        (float("nan"), float("inf"), 10**400),
    ),
    ("/api/v1/console/posts/{ticket}/notes", {}, "text", ("nul\x00", "\ud800")),
    ("/api/v1/console/filters", {"query": {"since": FIRST}}, "name", ("nul\x00",)),
)


def placed(path: str, city: Secrets) -> str:
    ids = city.parts["id"]
    return path.format(ticket=city.parts["ticket"][0], waiting=ids[1], template=ids[10], service=ids[11])


@pytest.fixture
async def world(city: Secrets) -> World:
    await city.world.account(Role.ADMINISTRATOR, "chief")
    await city.world.log_in("chief")
    return city.world


async def test_no_form_makes_a_fault(city: Secrets, world: World) -> None:
    token, wrong = await world.form_token("/console/account"), []
    for path, usual, field, values in FORMS:
        for value in values:
            data = {**usual, field: value, "csrf": token}
            response = await world.client.post(placed(path, city), data=data, allow_redirects=False)
            if response.status >= 500:
                wrong.append((path, field, value[:30]))
            if response.status == 303 and "/console" in response.headers["Location"]:
                page = await world.client.get(response.headers["Location"])
                if page.status >= 500:
                    wrong.append((f"then {path}", field, value[:30]))
    assert wrong == []


async def test_no_address_makes_a_fault(world: World) -> None:
    assert [path for path in QUERIES if (await world.client.get(path)).status >= 500] == []


async def test_no_program_makes_a_fault(city: Secrets, world: World) -> None:
    headers, wrong = await world.token(Role.ADMINISTRATOR), []
    for path, usual, field, values in PROGRAMS:
        for value in values:
            body = {**usual, field: value}
            response = await world.client.post(placed(path, city), json=body, headers=headers)
            if response.status >= 500:
                wrong.append((path, field, str(value)[:30]))
    assert wrong == []
