"""The daily phrases of the demo city: one campaign that goes on, and one that is over and was drawn."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from gateway import clock
from store import campaigns
from store.tables_campaigns import participants, participations
from tests.browser.demo_calls import beside

PAGE = "/console/campaigns"
TODAY = "春江水暖鸭先知 | The ducks know first that spring has come"
TOMORROW = "一寸光阴一寸金 | Time is worth its weight in gold"
ZONE = ZoneInfo("Asia/Shanghai")


async def play(client: ClientSession, url: str, staff: dict[str, str], data: Path, places: dict[str, str]) -> None:
    """Begin one campaign, and end another."""
    now = datetime.now(ZONE).date()
    going = await _make(client, url, staff, "spring", "春天每日一句", "A phrase for each day of spring", now)
    places["campaign"] = going
    lines = f"{now} | {TODAY}\n{now + timedelta(days=1)} | {TOMORROW}"
    await _press(client, f"{url}{PAGE}/{going}/phrases", staff, phrases=lines)
    over = await _make(client, url, staff, "winter", "冬日每日一句", "A phrase for each day of winter", now)
    places["drawn"] = over
    await _press(
        client, f"{url}{PAGE}/{over}/phrases", staff, phrases=f"{now} | 瑞雪兆丰年 | Snow promises a good year"
    )
    await _press(client, f"{url}{PAGE}/{over}/codes", staff, codes="\n".join(f"BUS-{n:04}" for n in range(40)))
    await _end(data, over, str(now - timedelta(days=1)))
    await _press(client, f"{url}{PAGE}/{over}/draw/draw", staff)
    await _put_on_duty(client, url, staff, now)


async def _put_on_duty(client: ClientSession, url: str, staff: dict[str, str], day: Any) -> None:
    """Shifts around the clock, and a note for whoever comes next."""
    async with client.get(f"{url}/console/duty") as page:
        [account] = re.findall(r'<option value="([0-9a-f]{32})"', await page.text())[:1]
    for begins, ends in (("00:00", "08:00"), ("08:00", "16:00"), ("16:00", "00:00")):
        shift = {"account": account, "day": str(day), "begins": begins, "ends": ends}
        await _press(client, f"{url}/console/duty/shifts", staff, **shift)
    said = "中山路漏水已报水务局，请每小时看一次新的补充。\nThe burst pipe in Zhongshan Road is reported."
    await _press(client, f"{url}/console/duty/notes", staff, text=said)


async def _make(client: ClientSession, url: str, staff: dict[str, str], slug: str, zh: str, en: str, first: Any) -> str:
    prizes = {"prize_zh": "公交月票一张", "prize_en": "a monthly bus pass"}
    days = {"begins_on": str(first), "ends_on": str(first + timedelta(days=6)), "publish_at": "00:00"}
    numbers = {"winners": "3", "line_days": "0", "per_network": "50"}
    typed = {"slug": slug, "name_zh": zh, "name_en": en, **prizes, **days, **numbers}
    answered = await _press(client, url + PAGE, staff, **typed)
    return answered.rpartition("/")[2].partition("?")[0]


async def _press(client: ClientSession, url: str, staff: dict[str, str], **typed: str) -> str:
    async with client.post(url, data=typed, headers=staff, allow_redirects=False) as answer:
        assert answer.status == 303, (url, answer.status, await answer.text())
        return answer.headers["Location"]


async def _end(data: Path, campaign_id: str, day: str) -> None:
    """Have a campaign be over since yesterday, with people who took part then."""
    async with beside(data) as (database, _):

        async def work(transaction: Any) -> None:
            [phrase] = await campaigns.calendar(transaction.connection, [campaign_id])
            values = {"begins_on": day, "ends_on": day}
            await campaigns.change(transaction, campaign_id, **values)
            await campaigns.put_phrases(
                transaction,
                [
                    {
                        "id": (phrase_id := clock.new_id()),
                        "campaign_id": campaign_id,
                        "day": day,
                        "text_zh": phrase.text_zh,
                        "text_en": phrase.text_en,
                    }
                ],
            )
            await campaigns.drop_phrase(transaction, campaign_id, phrase.day)
            await campaigns.publish(transaction, phrase_id, clock.new_id(), clock.now() - timedelta(days=1))
            for number in range(48):
                at = clock.now() - timedelta(days=1, minutes=number)
                one = {"id": clock.new_id(), "campaign_id": campaign_id, "channel": "sms_twilio", "created_at": at}
                await transaction.connection.execute(
                    participants.insert(), {**one, "number": f"{(number + 7) * 20_340_517_919 % 10**12:012}"}
                )
                taken = {"phrase_id": phrase_id, "participant_id": one["id"], "at": at}
                await transaction.connection.execute(participations.insert(), taken)

        await database.write(work)
