"""The settings in force are shown with where they come from, and without what is secret."""

from typing import ClassVar

import pytest
from pydantic import SecretStr

from channels.base import ChannelSettings
from channels.registry import Mode, Plan
from gateway.settings import load
from gateway.web import settings_page
from store.accounts import Role
from tests.conftest import ROOT
from tests.web.conftest import World
from tests.web.people_world import read


class Line(ChannelSettings):
    ENVIRONMENT: ClassVar = {"auth_token": "EVERYLINE_LINE_TOKEN", "number": "EVERYLINE_LINE_NUMBER"}

    auth_token: SecretStr
    number: str
    speed: float = 1.0


ENVIRON = {
    "EVERYLINE_CONFIG": str(ROOT / "config"),
    "EVERYLINE_PORT": "9999",
    "EVERYLINE_DATABASE": "postgresql+asyncpg://everyline:hunter2@db.example/everyline",
    "EVERYLINE_FILTERS__LISTS__WATCH": "false",
    "EVERYLINE_GATEWAY__HEALTH__OPERATORS": '["tel:+8613800138000"]',
}


@pytest.fixture
def told(world: World) -> World:
    """The application with settings from everywhere."""
    world.runtime.settings = load(ENVIRON)
    line = Line(auth_token=SecretStr("s3cret"), number="+15005550006")
    world.runtime.plans = [Plan("line", Mode.ON, "ready", None, line), Plan("web_form", Mode.OFF, "off")]
    return world


def value(world: World, section: str, key: str) -> settings_page.Value:
    shown = next(one for one in settings_page.in_force(world.runtime) if one.name == section)
    return next(one for one in shown.values if one.key == key)


@pytest.mark.parametrize(
    ("section", "key", "shown"),
    [
        ("server", "port", ("9999", "environment", "EVERYLINE_PORT")),
        ("server", "host", ("127.0.0.1", "file", "gateway.toml")),
        ("server", "public_url", ("–", "default", None)),
        ("filters", "lists.watch", ("false", "environment", "EVERYLINE_FILTERS__LISTS__WATCH")),
        ("filters", "lists.block", ("true", "file", "filters.toml")),
        ("speech", "workers", ("0", "file", "speech.toml")),
        ("health", "operators", ("138****8000", "environment", "EVERYLINE_GATEWAY__HEALTH__OPERATORS")),
        ("channels.line", "auth_token", ("••••••", "environment", "EVERYLINE_LINE_TOKEN")),
        ("channels.line", "number", ("+15005550006", "environment", "EVERYLINE_LINE_NUMBER")),
        ("channels.line", "speed", ("1.0", "default", None)),
        ("channels.web_form", "longest", ("2000", "file", "channels.toml")),
    ],
)
def test_each_value_says_where_it_comes_from(
    told: World, section: str, key: str, shown: tuple[str, str, str | None]
) -> None:
    found = value(told, section, key)
    assert (found.value, found.origin, found.source) == shown


async def test_no_secret_is_on_the_page_or_in_the_api(told: World) -> None:
    await told.account(Role.ADMINISTRATOR)
    await told.log_in("administrator")
    page = await read(told, "/console/settings")
    headers = await told.token(Role.ADMINISTRATOR)
    text = await (await told.client.get("/api/v1/console/settings", headers=headers)).text()
    for shown in (page, text):
        assert "hunter2" not in shown
        assert "s3cret" not in shown
        assert "13800138000" not in shown
        assert "db.example" in shown
    assert "<code>[accounts]</code>" in page


def test_every_section_is_shown(told: World) -> None:
    names = {one.name for one in settings_page.in_force(told.runtime)}
    known = set(type(told.runtime.settings).model_fields) - {"folder", "given", "phrases", "channels"}
    # What was retired is not in force.
    assert known - {"former_departments", "former_categories"} <= names
