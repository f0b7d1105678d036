"""Settings that the console keeps: seeded once, and the same in every process as soon as they change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import assembly
from gateway.journey import in_force, organisation
from gateway.runtime import Asked, Runtime
from gateway.sections_departments import Category
from store import organisation as rows
from store.database import Database, Transaction
from store.organisation import Kind
from store.vault import Vault
from store.wakeups import SETTINGS

PARKS: dict[str, Any] = {
    "name": {"zh": "园林局", "en": "Parks"},
    "parent": "environment",
    "contact": {"phone": "", "email": "", "website": "", "address": {}},
    "hours": [],
    "places": [],
}


@pytest.fixture
async def other(runtime: Runtime, backend: str) -> AsyncIterator[Runtime]:
    """A second process on the database of `runtime`; on a file it shares the store, as there is one process."""
    database = runtime.database
    if backend == "postgresql":
        database = Database(runtime.settings.database_url)
        await database.open(serving=True)
    yield assembly.assemble(
        runtime.settings, [], database, Vault(bytes(32)), runtime.http, runtime.workers, runtime.openers
    )
    if database is not runtime.database:
        await database.close()


async def add_parks(runtime: Runtime) -> None:
    await runtime.database.write(lambda transaction: rows.add(transaction, Kind.DEPARTMENT, "parks", PARKS, "root"))


async def test_what_the_files_say_is_kept_once_and_then_the_store_is_asked(runtime: Runtime) -> None:
    before = runtime.settings
    await in_force.begin(runtime)
    assert runtime.settings is before, "the store keeps what the files say"
    await add_parks(runtime)
    await in_force.begin(runtime)
    assert [one.slug for one in runtime.settings.departments][-1] == "parks"
    assert len(runtime.settings.departments) == len(before.departments) + 1
    assert runtime.settings.categories == before.categories


async def test_nothing_is_other_before_the_first_seed(runtime: Runtime) -> None:
    before = runtime.settings
    await in_force.renew(runtime)
    assert runtime.settings is before


async def test_two_processes_that_start_together_seed_once(runtime: Runtime, other: Runtime) -> None:
    await asyncio.gather(in_force.begin(runtime), in_force.begin(other))
    async with runtime.database.reading() as connection:
        kept = await rows.nodes(connection, Kind.DEPARTMENT)
    assert [one.slug for one in kept] == [one.slug for one in runtime.settings.departments]


async def test_another_process_hears_of_a_change(runtime: Runtime, other: Runtime) -> None:
    await in_force.begin(runtime)
    replaced = other.database.wakeups.bell(in_force.REPLACED)
    following = asyncio.create_task(in_force.run(other))
    await add_parks(runtime)
    assert await replaced.wait(30)
    following.cancel()
    assert "parks" in {one.slug for one in other.settings.departments}


async def test_what_is_made_of_the_settings_is_made_again(runtime: Runtime) -> None:
    await in_force.begin(runtime)
    asked = Asked("园林局", None, None, None)
    assert runtime.commands["follow"].run(asked).follow is None
    await add_parks(runtime)
    await in_force.renew(runtime)
    assert runtime.commands["follow"].run(asked).follow == "department:parks"


async def test_what_was_left_over_from_other_times_is_not_kept_on(runtime: Runtime) -> None:
    zone, calendar = runtime.settings.city.zone, runtime.settings.calendar
    city = runtime.settings.city.model_copy(update={"timezone": "America/New_York"})
    assert calendar.zone == zone
    assert runtime.settings.replaced({"city": city}).calendar.zone != zone


async def test_a_store_that_fails_is_asked_again(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = asyncio.Event()

    async def fail(_connection: object) -> dict[str, Any]:
        if not tries.is_set():
            tries.set()
            raise OSError("away")
        return {"former_departments": runtime.settings.departments}

    async def nothing(_transaction: Transaction, _settings: object) -> None:
        return

    monkeypatch.setattr(in_force, "KEPT", (in_force.Kept(nothing, fail),))
    replaced = runtime.database.wakeups.bell(in_force.REPLACED)
    following = asyncio.create_task(in_force.run(runtime))
    await tries.wait()
    runtime.database.wakeups.ring([SETTINGS])
    assert await replaced.wait(30)
    following.cancel()


def test_a_tree_is_told_parents_first() -> None:
    units = [
        Category(slug="dogs", name={"en": "Dogs"}, parent="animals"),
        Category(slug="animals", name={"en": "Animals"}, sensitive=True),
        Category(slug="lost", name={"en": "Lost"}, parent="gone"),
    ]
    assert [(one.slug, depth) for one, depth in organisation.in_tree(units)] == [
        ("animals", 0),
        ("dogs", 1),
        ("lost", 0),
    ]
    assert organisation.with_children(units, "animals") == {"animals", "dogs"}
