"""No text makes intake fail: any characters, in any field, alone and by the hundred; and nothing is kept twice."""

import asyncio
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from gateway.errors import BadInput
from gateway.journey import intake, tickets
from gateway.journey.intake import Intake
from gateway.runtime import Runtime
from gateway.schema import CITIZEN_KINDS, Place, PlaceFrom
from gateway.schema_incoming import Incoming, IncomingMedia, Outcome, Taken
from store import tables_citizens, tables_deliveries, tables_posts, waiting
from store.facts import Facts
from store.incoming import Rows
from tests.conftest import Texting, settle_down
from tests.journey.test_intake import ANNA, BORIS, message, number_of

numbers = count(1)
ANY_CHARACTER = st.one_of(
    st.characters(),
    st.characters(categories=["Cs", "Cc", "Cf", "Co", "Mn"]),
    st.sampled_from("\0\x1b\u202e\u2066\u200b\u200d\u0301\ufe0f\ufffe\u3164\u2800１２３壹貳🇨👍🏽\U0010ffff"),
)
ANY_TEXT = st.text(ANY_CHARACTER, max_size=200)
# What intake looks for, among anything else.
PIECES = st.sampled_from(
    [
        *(
            "STATUS",
            "查询",
            "FOLLOW",
            "关注",
            "PRIVATE",
            "私密：",
            "NEW",
            "STOP",
            "LANGUAGE",
            "语言 中文",
            "1",
            "二",
            "③",
            "#",
        ),
        *(
            "48217059",
            "4821 7059",
            "４８２１７０５９",
            "48217058",
            "13800138000",
            "11010519491231002X",
            "a@b.cn",
            "京A12345",
        ),
        *(
            "代开发票",
            "赌 博",
            "fire",
            "着火",
            "all",
            "供暖",
            "人民路",
            " ",
            "\n",
            "{ticket}",
            "%s",
            "\\u0000",
            "'",
            '"',
        ),
    ]
)
TEXTS = st.one_of(
    ANY_TEXT,
    st.lists(st.one_of(PIECES, ANY_TEXT), max_size=8).map("".join),
    st.lists(PIECES, max_size=4).map(" ".join),
    st.tuples(st.one_of(PIECES, ANY_TEXT), st.integers(2, 3000)).map(lambda two: two[0] * two[1]),
)
MAYBE_TEXT = st.one_of(st.none(), TEXTS)
# Channels make URNs of what they read as UTF-8; what stands behind the scheme comes from strangers.
ADDRESSES = st.one_of(
    st.none(),
    st.sampled_from([f"tel:{ANNA}", f"tel:{BORIS}", "tel:95588", "tel:CITYBANK", "tel:", "web:one", "wechat:oABC", ""]),
    st.tuples(st.sampled_from(["tel", "web", "telegram"]), st.text(st.characters(codec="utf-8"))).map(":".join),
)
MEDIA = st.builds(
    IncomingMedia,
    external_id=ANY_TEXT,
    url=ANY_TEXT,
    type=st.one_of(st.sampled_from(["image/jpeg", "audio/amr", "video/mp4", ""]), ANY_TEXT),
    language=st.sampled_from([None, "zh", "en"]),
)
DEGREES = st.one_of(st.none(), st.floats(-180, 180))
MESSAGES = st.builds(
    Incoming,
    channel=st.sampled_from(["texting", "form", "nowhere"]),
    external_id=st.builds(lambda: f"m{next(numbers)}"),
    text=TEXTS,
    received_at=st.just(datetime(2031, 5, 5, tzinfo=UTC)),
    address=ADDRESSES,
    line=st.sampled_from([None, ANNA, "+8610690001", ""]),
    kind=st.sampled_from(CITIZEN_KINDS),
    language=st.sampled_from([None, "zh", "en"]),
    category=MAYBE_TEXT,
    place=st.builds(Place, name=MAYBE_TEXT, lat=DEGREES, lon=DEGREES),
    place_from=st.sampled_from([None, *PlaceFrom]),
    private=st.booleans(),
    name=MAYBE_TEXT,
    contact=st.one_of(st.none(), ADDRESSES),
    thread=st.one_of(st.none(), TEXTS),
    media=st.lists(MEDIA, max_size=3).map(tuple),
    commands=st.booleans(),
    carrier_replied=st.booleans(),
    raw=st.binary(max_size=200),
)
NASTY = (
    *("", " ", "\0", "\ud83d", "\u202e", "\u200b" * 50, "?", "。", "1", "9", "é\u0301" * 100, "\U0010ffff", "\ufffe"),
    *("{ticket} {0} %s", "'; DROP TABLE posts; --", "<script>", "\\x00", "a" * 9000, "灯" * 9000, "\n" * 9000 + "x"),
    *(
        "STATUS 48217058",
        "STATUS " + "4" * 40,
        "FOLLOW " + "x" * 40,
        "PRIVATE ",
        "PRIVATE \0",
        "\u3164" * 9,
        "🇨🇳" * 400,
    ),
    *(
        "x\u0302" * 4000,
        "\u1160" * 3000,
        "١٣٨٠٠١٣٨٠٠٠",
        "+" * 3000,
        "1 " * 3000,
        "@" * 3000,
        "赌\u200b*博" * 500,
        "٠" * 500,
    ),
)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Only what writes to the database is tried on both kinds."""
    return getattr(request, "param", "sqlite")


def fit_to_be_kept(value: Any) -> bool:
    """Whether any database takes a text, and any reader can be sent it."""
    return value is None or ("\0" not in value and value.encode("utf-8").decode("utf-8") == value)


def check_rows(runtime: Runtime, rows: Rows) -> None:
    for post in rows.posts:
        assert all(fit_to_be_kept(post[name]) for name in ("text", "place", "ticket", "channel", "language"))
        assert len(post["text"]) <= runtime.settings.intake.text_limit * 2
        assert len(post["place"] or "") <= 400
        json.dumps(post["rules"])
    for told in rows.deliveries:
        assert told["phrase"] in runtime.settings.phrases["en"]
        assert fit_to_be_kept(json.dumps(told["values"]))
    for kept in rows.incoming:
        assert fit_to_be_kept(json.dumps(kept["answer"]))
        json.loads(json.dumps(kept["answer"]))


async def test_any_message_is_decided_and_a_repeat_answered_alike(runtime: Runtime) -> None:
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(MESSAGES, min_size=1, max_size=4))
    def check(messages: list[Incoming]) -> None:
        facts, rows = Facts(tickets=tickets.draw(20)), Rows()
        for one in messages:
            prepared = intake.prepare(runtime, one)
            taken = intake.decide(runtime, prepared, facts, rows)
            assert (taken.post_id is None) is (taken.outcome is Outcome.COMMAND)
            assert (taken.ticket is None) is (taken.outcome is Outcome.COMMAND)
            assert runtime.phrase(taken.say.phrase, taken.language, FilledIn(taken))
            again = intake.decide(runtime, prepared, facts, rows)
            assert again.repeated
            assert (again.outcome, again.say, again.ticket) == (taken.outcome, taken.say, taken.ticket)
        assert len(rows.incoming) == len(messages)
        check_rows(runtime, rows)

    check()


class FilledIn(dict[str, str]):
    """The values of an answer, and something for those that its delivery fills in."""

    def __init__(self, taken: Taken) -> None:
        super().__init__({name: str(value) for name, value in taken.say.values.items()})

    def __missing__(self, key: str) -> str:
        return key


@pytest.mark.parametrize("external_id", ["", "x" * 129])
async def test_only_an_id_that_cannot_be_kept_is_refused(runtime: Runtime, external_id: str) -> None:
    with pytest.raises(BadInput):
        intake.prepare(runtime, message("the lamp is broken", external_id=external_id))


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
async def test_hundreds_of_nasty_texts_at_once_are_all_kept(runtime: Runtime, texting: Texting) -> None:
    takes = Intake(runtime).take
    sent = [
        message(
            text,
            f"+861390013{n:04}",
            place=Place(text),
            name=text,
            category=text[:20],
            raw=text.encode("utf-8", "replace"),
        )
        for n, text in enumerate(NASTY * 9)
    ]
    taken = await asyncio.gather(*(takes(one) for one in sent))
    assert await number_of(runtime, tables_posts.incoming) == len(sent) > 300
    assert await number_of(runtime, tables_posts.posts) == len([one for one in taken if one.post_id])
    async with runtime.database.reading() as connection:
        for one in await waiting.queue(connection, 1000):
            assert fit_to_be_kept(one.text)
    await settle_down(runtime)
    answered = {outgoing.address for outgoing in texting.sent}
    assert answered == {one.address for one in sent}


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
async def test_one_new_citizen_in_one_batch_is_one_citizen(runtime: Runtime, texting: Texting) -> None:
    takes = Intake(runtime).take
    said = ("the tram stop has no roof", "and no bench", "STATUS", "FOLLOW ALL", "", "1")
    taken = await asyncio.gather(*(takes(message(text)) for text in said))
    assert [one.outcome for one in taken] == [Outcome.POST, Outcome.FOLLOW_UP, *[Outcome.COMMAND] * 4]
    for table in (tables_citizens.citizens, tables_citizens.addresses, tables_citizens.keys):
        assert await number_of(runtime, table) == 1
    assert taken[2].say.values["ticket"] == taken[0].ticket, "what was decided before is known in the same batch"
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == len(said)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
async def test_a_repeated_command_is_answered_once(runtime: Runtime, texting: Texting) -> None:
    takes, asked = Intake(runtime).take, message("STATUS")
    first, *others = await asyncio.gather(*(takes(asked) for _ in range(20)))
    later = await takes(asked)
    assert not first.repeated
    assert all(one.repeated and one.say == first.say for one in (*others, later))
    await settle_down(runtime)
    assert len(texting.to(ANNA)) == 1
    async with runtime.database.reading() as connection:
        assert (
            await connection.execute(select(func.count()).select_from(tables_deliveries.deliveries))
        ).scalar_one() == 1
