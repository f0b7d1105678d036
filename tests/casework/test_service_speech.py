"""Services for callers and searchers, and the uses that are counted in memory."""

import asyncio
from datetime import timedelta

import pytest

from gateway import clock
from gateway.casework import service_speech
from gateway.casework.service_uses import ServiceUses
from gateway.desk import Desk
from gateway.runtime import Runtime
from tests.casework.service_world import HALL, METER, missed, published, typed, uses


async def test_a_voice_reads_title_and_sentences_up_to_a_length(runtime: Runtime) -> None:
    long = "Come with your ID. " + "This sentence is quite long and says little. " * 40
    known = await published(runtime, typed({"en": ("Water meter", long, "meter")}))
    spoken = await service_speech.one(runtime, known.id, "zh")
    assert spoken
    assert (spoken.title, spoken.language, spoken.said[:2]) == (
        "Water meter",
        "en",
        ("Water meter", "Come with your ID."),
    )
    assert sum(map(len, spoken.said)) <= service_speech.LONGEST_READ + len("Water meter")
    assert all(sentence.endswith(".") for sentence in spoken.said[1:])


async def test_news_say_until_when(runtime: Runtime) -> None:
    until = clock.now() + timedelta(hours=3)
    outage = {"zh": ("解放路停水", "检修管道。请储水。", "停水")}
    known = await published(runtime, typed(outage, "outage", valid_until=until))
    spoken = await service_speech.one(runtime, known.id, "zh")
    assert spoken
    assert spoken.said[0].startswith("解放路停水，有效至")
    assert spoken.said[1:] == ("检修管道。", "请储水。")
    [hit] = await service_speech.hits(runtime, "停水", "en")
    assert hit.when.startswith("until ")


async def test_a_spoken_word_is_looked_up_and_listed_when_nothing_is_found(runtime: Runtime) -> None:
    await published(runtime, typed(METER))
    desk = Desk(runtime)
    assert [one.title for one in await desk.find_services("我要水表过户", "zh")] == ["水表过户"]
    assert await desk.find_services("Kayak", "en") == []
    await desk.service_uses.write()
    assert await missed(runtime) == [("kayak", 1)]


async def test_what_the_phone_and_the_pages_give_is_written_together(runtime: Runtime) -> None:
    meter, hall = await published(runtime, typed(METER)), await published(runtime, typed(HALL))
    desk = Desk(runtime)
    for channel in ("voice_twilio", "portal", None):
        assert await desk.spoken_service(meter.id, "zh", channel)
    assert await uses(runtime, meter, hall) == [0, 0]
    await desk.service_uses.write()
    await desk.service_uses.write()
    assert await uses(runtime, meter, hall) == [2, 0]
    assert [one.id for one in await desk.services("zh", 0, 5)] == [meter.id, hall.id]
    assert [one.id for one in await desk.services("zh", 0, 1)] == [meter.id]
    assert [one.id for one in await desk.services("zh", 1, 5)] == [hall.id]
    assert await desk.services("zh", 2, 5) == []


async def test_what_is_counted_is_written_when_it_stops(runtime: Runtime) -> None:
    known = await published(runtime, typed(METER))
    counted = ServiceUses(runtime)
    task = asyncio.create_task(counted.run())
    await asyncio.sleep(0)
    counted.count(known.id, "portal")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await uses(runtime, known) == [1]
