"""The name a citizen is shown by: cleaned, judged, masked, and nobody's who speaks for the city."""

import pytest

from gateway.errors import BadInput
from gateway.journey import moderation, names
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import Action, Ruling, Verdict
from store import citizens, events, posts
from tests.journey.test_identity import who
from tests.journey.test_intake import ANNA, message


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("小林", "小林"),
        ("  Lin\u202e  of\nNorth Street ", "Lin of North Street"),
        ("Waterman", "Waterman"),
        ("水务爱好者", "水务爱好者"),
        ("Lin 13800138001", "Lin 138****8001"),
        ("", None),
        (" \u200b ", None),
    ],
)
def test_a_name_is_cleaned_and_masked(runtime: Runtime, typed: str, kept: str | None) -> None:
    if kept is None and "\u200b" in typed:
        with pytest.raises(BadInput):
            names.check(runtime, typed)
    else:
        assert names.check(runtime, typed) == kept


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("x" * 31, "at most 30"),
        ("12345", "letters"),
        ("\u200b", "letters"),
        ("水务局", "city’s own"),
        ("清源市水务局客服", "city’s own"),
        ("Water", "city’s own"),
        ("ＷＡＴＥＲ", "city’s own"),
        ("Qingyuan", "city’s own"),
        ("Admin Lin", "city’s own"),
        ("官 方 小林", "city’s own"),
        ("王局长", "city’s own"),
    ],
)
def test_a_name_that_misleads_is_refused(runtime: Runtime, typed: str, fault: str) -> None:
    with pytest.raises(BadInput, match=fault):
        names.check(runtime, typed)


@pytest.mark.parametrize("ruling", [Ruling.WATCH, Ruling.HOLD, Ruling.BLOCK])
def test_a_name_the_filter_does_not_pass_is_refused(runtime: Runtime, ruling: Ruling) -> None:
    runtime.judge = lambda text: Verdict(ruling if "bad" in text else Ruling.PASS, ())
    assert names.check(runtime, "good") == "good"
    with pytest.raises(BadInput, match="not allowed"):
        names.check(runtime, "bad")


async def test_a_change_of_name_is_seen_at_once(runtime: Runtime) -> None:
    taken = await Intake(runtime).take(message("lamp broken", ANNA))
    waiting = await Intake(runtime).take(message("another lamp", ANNA))
    assert taken.post_id
    assert waiting.post_id
    await moderation.decide(runtime, taken.post_id, Action.PUBLISH, actor="mo")
    person = str((await who(runtime, f"tel:{ANNA}")).person)
    async with runtime.database.reading() as connection:
        before = await events.last_number(connection)
    await names.choose(runtime, person, "Lin")
    async with runtime.database.reading() as connection:
        told = await events.after(connection, before)
        shown = await posts.public_post(connection, str(taken.ticket))
    assert [(event.event, event.post_id) for event in told] == [("update", taken.post_id)]
    assert shown.author == "Lin"
    await names.choose(runtime, person, "")
    async with runtime.database.reading() as connection:
        assert (await posts.public_post(connection, str(taken.ticket))).author is None
        assert await citizens.name_of(connection, person) is None
