"""What was typed is given back when it could not be taken, to be sent again if the form was ours."""

import re
from collections.abc import Sequence
from functools import partial

import pytest
from aiohttp import FormData, web

from channels.base import Capabilities, Channel, Guard, Route
from channels.desk import Desk
from gateway.errors import Busy
from tests.web.conftest import MakeWorld, World

WORDS = "the water stands on the road since yesterday, and it rises & <b>rises</b>"
SHOWN = "the water stands on the road since yesterday, and it rises &amp; &lt;b&gt;rises&lt;/b&gt;"


class Full(Channel):
    """A form that cannot be taken just now, read by its handler or not at all."""

    name = "full"
    capabilities = Capabilities(receives=True)

    def routes(self, desk: Desk) -> Sequence[Route]:
        return [Route("POST", "/full", Guard.PUBLIC, partial(self._sent, desk), 1_000_000)]

    async def _sent(self, desk: Desk, request: web.Request) -> web.StreamResponse:
        raise Busy("full", retry_after=3)


@pytest.fixture
async def full(make_world: MakeWorld) -> World:
    return await make_world(Full)


def form_of(page: str) -> str:
    found = re.search(r'<form method="post" action="/full".*?</form>', page, re.DOTALL)
    assert found, page
    return found[0]


@pytest.mark.parametrize("in_parts", [False, True])
async def test_words_come_back_and_can_be_sent_again(full: World, in_parts: bool) -> None:
    token = await full.form_token("/login")
    fields = {"csrf": token, "text": WORDS, "kind": "idea"}
    response = await full.client.post("/full", data=FormData(fields, default_to_multipart=in_parts))
    form = form_of(await response.text())
    assert (response.status, response.headers["Retry-After"]) == (503, "3")
    assert f">{SHOWN}</textarea>" in form
    assert '<input type="hidden" name="kind" value="idea">' in form
    assert 'name="csrf"' in form
    assert "readonly" not in form
    assert "<button" in form


async def test_files_are_said_to_be_lost(full: World) -> None:
    data = FormData({"csrf": await full.form_token("/login?lang=en"), "text": WORDS})
    data.add_field("media", b"a picture", filename="a.jpg", content_type="image/jpeg")
    response = await full.client.post("/full", data=data)
    assert "choose your photos and recordings again" in form_of(await response.text())


@pytest.mark.parametrize("token", ["", "forged"])
async def test_what_is_not_our_form_comes_back_to_be_copied_only(full: World, token: str) -> None:
    response = await full.client.post("/full", data={"csrf": token, "text": WORDS})
    form = form_of(await response.text())
    assert response.status == 403
    assert "readonly" in form
    assert SHOWN in form
    assert 'name="csrf"' not in form
    assert "<button" not in form


@pytest.mark.parametrize(
    "fields",
    [{"name": "anna", "password": "x"}, {"csrf": "y"}, {"code": "123456"}, {"text": "  "}],
)
async def test_secrets_and_nothing_do_not_come_back(full: World, fields: dict[str, str]) -> None:
    page = await (await full.client.post("/full", data=fields)).text()
    assert 'action="/full"' not in page
    assert "123456" not in page


async def test_what_is_too_large_to_be_read_again_does_not_come_back(full: World) -> None:
    text = "x" * (full.runtime.settings.server.body_limit + 1)
    response = await full.client.post("/full", data=FormData({"text": text}, default_to_multipart=True))
    page = await response.text()
    assert response.status == 413
    assert "<textarea" not in page
