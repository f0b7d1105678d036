"""Services on the pages: read and found by everybody, written, previewed, reviewed and undone by staff; and as JSON."""

import re
from datetime import timedelta
from typing import Any

import pytest

from channels.portal import Adapter as Portal
from gateway import clock
from gateway.casework import services as work
from gateway.casework.services import Step
from gateway.schema_public import moment
from store import services, unanswered
from store.accounts import Role
from store.services import ServiceState
from tests.casework.service_world import HALL, METER, missed, published, typed, uses, written
from tests.web.conftest import MakeWorld, World

OUTAGE = {"zh": ("解放路停水", "检修管道。", "停水"), "en": ("No water", "Pipes are repaired.", "outage")}
FORM: dict[str, Any] = {
    "department": "water",
    "kind": "guide",
    "title_en": "Water meter",
    "text_en": "Come.\r\nWith your ID.",
    "words_en": "meter",
}


async def page(world: World, path: str, status: int = 200) -> str:
    response = await world.client.get(path, headers={"Accept-Language": "en"})
    assert response.status == status, await response.text()
    return await response.text()


async def logged_in(world: World, role: Role = Role.OFFICER, department: str | None = "water") -> World:
    await world.account(role, role.value, department if role is Role.OFFICER else None)
    await world.log_in(role.value)
    await world.client.get("/console?lang=en")
    return world


async def send(world: World, path: str, status: int = 303, **form: str) -> str:
    form["csrf"] = await world.form_token("/console/inbox")
    response = await world.client.post(path, data=form, allow_redirects=False)
    assert response.status == status, await response.text()
    return response.headers.get("Location", "") or await response.text()


async def made(world: World, **form: str) -> str:
    location = await send(world, "/console/services", **{**FORM, **form})
    found = re.fullmatch(r"/console/services/([0-9a-f]{32})\?done=saved", location)
    assert found, location
    return found[1]


async def state(world: World, service_id: str) -> ServiceState:
    return (await work.find(world.runtime, service_id)).state


async def test_without_any_the_list_says_so(world: World) -> None:
    assert "No department has published a service yet." in await page(world, "/services")


async def test_the_list_has_news_first_then_departments(world: World) -> None:
    await published(world.runtime, typed(METER))
    await published(world.runtime, typed(OUTAGE, "outage", valid_until=clock.now() + timedelta(hours=2)))
    await written(world.runtime, typed(HALL))
    text = await page(world, "/services")
    assert text.index("No water") < text.index("Water meter")
    assert "until " in text
    assert "Service hall" not in text
    assert "Water meter" in await page(world, "/services?department=water")
    assert "Water meter" not in await page(world, "/services?department=roads")
    await page(world, "/services?department=zoo", 404)


async def test_a_page_is_read_in_the_language_it_is_written_in_and_counted(world: World) -> None:
    known = await published(world.runtime, typed({"zh": METER["zh"]}))
    text = await page(world, f"/services/{known.slug}")
    assert '<h1 lang="zh-Hans">水表过户</h1>' in text
    assert "one language only" in text
    await world.client.get(f"/services/{known.slug}", headers={"User-Agent": "Nosybot/1.0"})
    await world.client.head(f"/services/{known.slug}")
    await world.desk.service_uses.write()
    assert await uses(world.runtime, known) == [1]


@pytest.mark.parametrize("step", [None, Step.RETIRE])
async def test_what_is_not_public_has_no_page(world: World, step: Step | None) -> None:
    known = await published(world.runtime, typed(METER))
    officer = await world.account(Role.ADMINISTRATOR)
    assert known.slug in await page(world, "/services")
    if step:
        await work.take(world.runtime, officer, known.id, step)
    else:
        await work.undo(world.runtime, officer, known.id)
    await page(world, f"/services/{known.slug}", 404)
    assert known.slug not in await page(world, "/services")


async def test_what_has_ended_says_so_and_is_not_listed(world: World, later: Any) -> None:
    known = await published(world.runtime, typed(OUTAGE, "outage", valid_until=clock.now() + timedelta(hours=2)))
    later(3 * 3600)
    assert "This has ended" in await page(world, f"/services/{known.slug}")
    assert known.slug not in await page(world, "/services")


async def test_words_find_services_and_what_nobody_answers_is_listed(world: World) -> None:
    known = await published(world.runtime, typed(METER))
    assert known.slug in await page(world, "/services?q=water+meters")
    assert "No service was found for “kayak”" in await page(world, "/services?q=kayak")
    await world.client.get("/services?q=canoe", headers={"User-Agent": "Nosybot/1.0"})
    await world.desk.service_uses.write()
    assert await missed(world.runtime) == [("kayak", 1)]
    assert "No service was found for" in await page(world, f"/services?q={'x' * 300}")
    assert (await world.client.get(f"/api/v1/services?q={'x' * 81}")).status == 422


async def test_nothing_typed_becomes_markup(world: World) -> None:
    known = await published(world.runtime, typed({"en": ("<b>Meter</b>", "<script>x</script>", "")}))
    for path in ("/services", f"/services/{known.slug}", "/services?q=<b>Meter", "/services?q=%3Ci%3Enothing"):
        text = await page(world, path)
        assert not any(mark in text for mark in ("<b>Meter", "<script>x", "<i>nothing"))


async def test_the_public_api_gives_them_in_both_languages(world: World) -> None:
    known = await published(world.runtime, typed(METER))
    [listed] = (await (await world.client.get("/api/v1/services")).json())["items"]
    [found] = (await (await world.client.get("/api/v1/services?q=水表")).json())["items"]
    response = await world.client.get(f"/api/v1/services/{known.slug}")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert listed == found == await response.json()
    assert listed["title"] == {"zh": "水表过户", "en": "Water meter"}
    assert listed["kind"] == "guide"
    assert (await world.client.get("/api/v1/services/nothing")).status == 404
    assert (await world.client.get("/api/v1/services?limit=0")).status == 422


async def test_an_officer_writes_previews_publishes_and_undoes(world: World) -> None:
    await logged_in(world)
    preview = await send(world, "/console/services", 200, **FORM, preview="1")
    assert "Water meter. Come. With your ID." in preview
    assert re.search(r"\d segments? (is|are) paid", preview)
    assert "Come.\nWith your ID." in preview
    service_id = await made(world)
    assert await state(world, service_id) is ServiceState.DRAFT
    await send(world, f"/console/services/{service_id}/publish")
    assert await state(world, service_id) is ServiceState.PUBLISHED
    await send(world, f"/console/services/{service_id}", **{**FORM, "title_en": "Meters"}, version="2")
    assert "Meters" in await page(world, "/console/services")
    await send(world, f"/console/services/{service_id}", 409, **FORM, version="2")
    await send(world, f"/console/services/{service_id}/undo")
    assert (await work.find(world.runtime, service_id)).entry.said["en"].title == "Water meter"
    await send(world, f"/console/services/{service_id}/retire")
    assert "Taken down" in await page(world, f"/console/services/{service_id}?done=retire")
    await send(world, f"/console/services/{service_id}/retire", 409)


async def test_saving_and_publishing_is_one_press(world: World) -> None:
    await logged_in(world)
    assert await state(world, await made(world, publish="1")) is ServiceState.PUBLISHED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title_en": ""}, "service-title-en"),
        ({"text_en": " "}, "service-text-en"),
        ({"words_en": "w" * 33}, "service-words-en"),
        ({"kind": "outage"}, "service-until"),
        ({"kind": "outage", "valid_until": "tomorrow"}, "service-until"),
        ({"kind": "outage", "valid_until": "2026-01-01T10:00", "valid_from": "2026-01-01T11:00"}, "service-until"),
    ],
)
async def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(
    world: World, change: dict[str, str], field: str
) -> None:
    await logged_in(world)
    text = await send(world, "/console/services", 422, **{**FORM, **change})
    assert f'id="{field}-fault"' in text
    assert all(value in text for value in ("meter", *filter(None, map(str.strip, change.values()))))


async def test_moments_are_those_of_the_city(world: World) -> None:
    await logged_in(world)
    service_id = await made(world, kind="outage", valid_until="2030-07-01T18:30")
    until = (await work.find(world.runtime, service_id)).entry.valid_until
    assert until
    assert moment(until) == "2030-07-01T10:30:00.000Z"
    assert 'value="2030-07-01T18:30"' in await page(world, f"/console/services/{service_id}")


async def test_another_departments_entries_are_not_an_officers(world: World) -> None:
    known = await published(world.runtime, typed(METER))
    await logged_in(world, department="roads")
    assert known.id not in await page(world, "/console/services")
    await page(world, f"/console/services/{known.id}", 403)
    for act in ("", "/retire", "/undo", "/tell"):
        await send(world, f"/console/services/{known.id}{act}", 403, **FORM)
    await send(world, "/console/services", 403, **FORM)


async def test_a_moderator_reviews_what_the_filter_holds(world: World) -> None:
    held = await published(world.runtime, typed({"en": ("Meter", "Don't be a bitch.", "")}))
    await logged_in(world, Role.MODERATOR)
    assert held.id in await page(world, "/console/services?state=held")
    text = await page(world, f"/console/services/{held.id}")
    assert "Publish it" in text
    assert 'name="title_en"' in text
    assert '<fieldset class="entry stack" disabled>' in text
    await send(world, "/console/services", 403, **FORM)
    await send(world, f"/console/services/{held.id}/approve")
    assert await state(world, held.id) is ServiceState.PUBLISHED


async def test_a_viewer_only_looks(world: World) -> None:
    known = await published(world.runtime, typed(METER))
    await logged_in(world, Role.VIEWER)
    assert known.id in await page(world, "/console/services")
    assert "Take it away" not in await page(world, f"/console/services/{known.id}")
    await send(world, f"/console/services/{known.id}/retire", 403)
    await page(world, "/console/services/new", 403)


async def test_news_are_told_to_followers_by_a_press(world: World) -> None:
    await logged_in(world)
    until = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    service_id = await made(world, kind="outage", valid_until=until, publish="1")
    assert "Tell followers" in await page(world, f"/console/services/{service_id}")
    await send(world, f"/console/services/{service_id}/tell")
    text = await page(world, f"/console/services/{service_id}?done=told")
    ticket = re.findall(r'href="/console/posts/(\d{8})"', text)[0]
    assert "Tell followers" not in text
    assert (await world.desk.post(ticket)).text.startswith("Water meter (until ")
    await send(world, f"/console/services/{service_id}/tell", 409)


async def test_a_word_asked_in_vain_is_one_press_from_its_entry(world: World) -> None:
    await world.runtime.database.write(lambda tx: unanswered.count(tx, {"kayak": ("en", 3)}, clock.now()))
    await logged_in(world)
    text = await page(world, "/console/services/words")
    link = re.findall(r'href="(/console/services/new\?word=kayak[^"]*)"', text)[0].replace("&amp;", "&")
    form = await page(world, link)
    assert 'name="title_en" maxlength="80" value="Kayak"' in form
    assert ">kayak</textarea>" in form
    await send(world, "/console/services/words", word="kayak")
    assert "Every word that was asked for has an entry." in await page(world, "/console/services/words")
    await send(world, "/console/services/words", word="kayak", back="1")
    assert await missed(world.runtime) == [("kayak", 3)]
    await send(world, "/console/services/words", 404, word="dogs")


async def test_programs_of_the_staff_do_all_of_it(world: World) -> None:
    headers, begin = await world.token(Role.OFFICER, "water"), "/api/v1/console/services"

    async def post(path: str, status: int = 200, **body: Any) -> Any:
        response = await world.client.post(begin + path, json=body, headers=headers)
        assert response.status == status, await response.text()
        return await response.json()

    said = {"title": "No water", "text": "Pipes are repaired.", "words": ["outage"]}
    until = moment(clock.now() + timedelta(days=1))
    entry: dict[str, Any] = {"department": "water", "kind": "outage", "en": said, "valid_until": until}
    one = "/" + (await post("", 201, **entry))["id"]
    assert (await post(f"{one}/publish"))["state"] == "published"
    assert len((await post(f"{one}/tell", 201))["ticket"]) == 8
    changed = await post(f"{one}/change", **{**entry, "en": {**said, "title": "Water is back"}}, version=2)
    assert changed["title"] == {"en": "Water is back"}
    assert (await post(f"{one}/change", 409, **entry, version=2))["status"] == 409
    assert (await post(f"{one}/undo"))["title"] == {"en": "No water"}
    assert (await post(f"{one}/retire"))["state"] == "retired"
    await post("", 422, department="water", kind="outage", en=said)
    await post("", 403, department="roads", kind="guide", en=said)
    whole = await (await world.client.get(begin + one, headers=headers)).json()
    actions = [change["action"] for change in whole["changes"]]
    assert actions == ["retire", "undone", "changed", "publish", "added"]
    [listed] = (await (await world.client.get(f"{begin}?state=retired", headers=headers)).json())["items"]
    assert listed["id"] == whole["id"]
    await world.runtime.database.write(lambda tx: unanswered.count(tx, {"kayak": ("en", 3)}, clock.now()))
    [word] = (await (await world.client.get(f"{begin}/words", headers=headers)).json())["items"]
    assert (word["word"], word["asked"]) == ("kayak", 3)
    await post("/words", word="kayak")
    assert (await (await world.client.get(f"{begin}/words", headers=headers)).json())["items"] == []
    assert (await world.client.get(f"{begin}?state=song", headers=headers)).status == 422


async def test_what_is_there_is_described(world: World) -> None:
    described = (await (await world.client.get("/api/openapi.json")).json())["paths"]
    assert {path for path in described if "services" in path} == {
        "/api/v1/services",
        "/api/v1/services/{slug}",
        *(f"/api/v1/console/services{end}" for end in ("", "/words", "/{id}", "/{id}/change", "/{id}/undo")),
        *(f"/api/v1/console/services/{{id}}/{end}" for end in ("tell", "{step}")),
    }


async def test_a_page_that_is_kept_follows_a_change(world: World) -> None:
    assert "Water meter" not in await page(world, "/services")
    known = await published(world.runtime, typed(METER))
    assert "Water meter" in await page(world, "/services")
    async with world.runtime.database.reading() as connection:
        assert (await services.by_slug(connection, known.slug)).id == known.id


async def test_search_shows_services_beside_posts(make_world: MakeWorld) -> None:
    world = await make_world(Portal)
    await published(world.runtime, typed(METER))
    text = await page(world, "/search?q=meters")
    assert '<a href="/services/water-meter">Water meter</a>' in text
    assert "Nothing was found" not in text
    assert "/services/water-meter" not in await page(world, "/search?q=kayak")
