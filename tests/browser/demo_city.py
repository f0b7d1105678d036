"""A gateway with a day of a city in it: said by all its lines, decided, answered, for looking at the pages."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, CookieJar, FormData

from gateway import clock
from gateway.casework import months
from tests.browser import demo_calls, demo_cases, demo_months, demo_organisation, demo_phrases, demo_services
from tests.process.gateway import ROOT, Gateway, running

PICTURES = ROOT / "gateway/simulator/pictures"
# Text, category, place, name, picture: what is published.
PUBLISHED = (
    ("解放路与人民路口的红绿灯昨晚起一直闪黄灯，上学时间很危险，请尽快修。", "roads", "解放路人民路口", "李女士", None),
    ("The street lamp in front of 14 Elm Street has been dark for a week; the pavement is uneven there.", "roads",
     "Elm Street 14", "", "lamp.jpg"),
    ("幸福小区3号楼暖气不热，室温只有15度，家里有老人和孩子。", "heating", "幸福小区3号楼", "", None),
    ("滨河公园东门垃圾桶满了好几天没人清，味道很大。", "waste", "滨河公园东门", "陈先生", None),
    ("Thank you to the driver of bus 27 this morning: he waited for my mother, who walks with a stick.", "transport",
     "", "M. Weber", None),
    ("南京路坑洞越来越大，电动车已经摔了两个人。", "roads", "南京路88号", "", "pothole.jpg"),
)  # fmt: skip
LONG = (
    "我们小区从上周三晚上开始停水，物业说是市政管道的问题，市政说是小区内部的问题，两边推来推去已经六天了。"
    "三百多户人家每天到消防栓接水，八十多岁的老人也要提水上五楼。请水务局派人来现场看一看，到底是谁的责任，什么时候能恢复供水。"
) * 3
ANSWERED = "中山路自来水管漏水，水已经流到马路上结冰了。"
ANSWER = "维修人员今天14:20已到达现场，主阀门已关闭，预计今晚20:00前恢复供水。给您带来不便，敬请谅解。"
ADDED = "现在水流更大了，旁边的井盖也在冒水。"
# The same as what was answered, and as what waits at the crossing.
SAME = "中山路27号自来水管漏水，路面结冰很滑。"
WAITING = (
    ("解放路人民路口红绿灯一直闪黄灯，上学时间太危险，请派人来修。", "roads", "解放路人民路口"),
    ("实验小学门口早高峰乱停车，孩子过马路看不见来车，能不能安排交警。", "", "实验小学南门"),
    ("There is black smoke coming from the factory chimney on River Road every night after eleven.", "", "River Road"),
    ("低价代开发票，加微信 abc123456，电话13812345678，全城可送。", "", ""),
    ("请问冬季供暖几号开始？我妈妈住在幸福小区，没有微信。", "heating", ""),
)
FLOOD = "锦绣花园又停水了，没有通知，请问什么时候来水？"
OWN = "解放路与和平街路口的人行道地砖松动，下雨天踩上去会溅一身水，我的电话是13812345678。"
MORE = "另外旁边的盲道也被电动车占了。"
# Place, text, answer, picture of its answer.
MINE = (
    ("judged", "体育馆前的公交站牌倒了，压在人行道上。", "站牌已扶正加固，谢谢您的提醒。", None),
    ("mine", OWN, "松动的地砖已重新铺设，盲道已清理。如有不平请告诉我们。", "pothole.jpg"),
)
REASON = "暴雨期间连夜抢修，回应及时；个别答复仍需更具体。"
LEFT_OUT = "该路段属省道管理，本不应由市里办理。"
TEXTS = ("人民医院门口的人行道塌了一块，晚上看不见。", "FOLLOW ALL", "公交27路等了50分钟没来")


@dataclass
class City:
    """A running gateway with something in it. `places` are what addresses of the page list stand for, `cookies` what
    the browsers of `Listed.who` bring."""

    gateway: Gateway
    cookies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def living(data: Path) -> AsyncIterator[City]:
    """The city, stopped at the end."""
    demo_calls.install_models(data)
    async with running(data) as gateway, ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        city = City(gateway)
        staff = await _log_in(client, gateway)
        await _fill(city, client, staff)
        await _record(city, client, staff, data)
        await demo_months.fill(data)
        await _assess(city, client, staff)
        await demo_cases.let_be_late(data)
        await demo_phrases.play(client, gateway.url, staff, data, city.places)
        # Told by the clock within seconds.
        await _until(lambda: _get(client, f"{gateway.url}/api/v1/phrase"), lambda found: found["items"])
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as author:
            await _judge(city, author, client, staff)
            city.cookies = {"anybody": [], "author": _cookies(author, gateway), "staff": _cookies(client, gateway)}
        yield city


def _cookies(client: ClientSession, gateway: Gateway) -> list[dict[str, Any]]:
    return [{"name": one.key, "value": one.value, "url": gateway.url} for one in client.cookie_jar]


async def _judge(city: City, author: ClientSession, client: ClientSession, staff: dict[str, str]) -> None:
    """Have two reports of the author answered, one with a photo, of which he judges one."""
    url = city.gateway.url
    for place, text, answer, picture in MINE:
        ticket = city.places[place] = await _speak(author, url, text)
        await _decide(client, url, staff, ticket, "publish")
        form = FormData({"text": answer, "department": "roads"}, default_to_multipart=True)
        if picture:
            form.add_field("media", (PICTURES / picture).read_bytes(), filename=picture, content_type="image/jpeg")
        path = f"{url}/api/v1/console/posts/{ticket}/answers"
        async with client.post(path, data=form, headers=staff) as response:
            assert response.status == 201, await response.text()
    async with author.get(f"{url}/posts/{city.places['judged']}/mark") as page:
        token = _token(await page.text())
    async with author.post(f"{url}/posts/{city.places['judged']}/mark", data={"csrf": token, "mark": "4"}) as page:
        assert page.status == 200, await page.text()


async def _speak(author: ClientSession, url: str, text: str) -> str:
    """Say something by the form, and go on in the chat; gives the ticket."""
    ticket = ""
    for path, said in (("/new", {"text": text, "category": "roads"}), ("/chat", {"text": MORE})):
        async with author.get(url + path) as page:
            text = await page.text()
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text.split('enctype="multipart')[1]))
        async with author.post(url + path, data={**hidden, **said}) as answer:
            assert answer.status == 200, await answer.text()
            ticket = ticket or answer.url.path.rpartition("/")[2]
    return ticket


async def _log_in(client: ClientSession, gateway: Gateway) -> dict[str, str]:
    """Make the administrator; gives the header that the staff API wants of a browser."""
    async with client.get(gateway.setup_link) as page:
        token = _token(await page.text())
    form = {"csrf": token, "name": "anna", "password": "correct horse battery"}
    async with client.post(gateway.setup_link, data=form) as page:
        return {"X-CSRF-Token": _token(await page.text())}


def _token(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page[:500]
    return found[1]


async def _fill(city: City, client: ClientSession, staff: dict[str, str]) -> None:
    url = city.gateway.url
    await _organise(client, url, staff)
    await _text(client, city.gateway, TEXTS)
    for text, category, place, name, picture in PUBLISHED:
        ticket = await _say(client, url, text, category, place, name, picture)
        await _decide(client, url, staff, ticket, "publish")
    city.places["long"] = await _say(client, url, LONG, "water", "锦绣花园", "", None)
    await _decide(client, url, staff, city.places["long"], "publish")
    await _post(client, f"{url}/api/v1/console/posts/{city.places['long']}/case", {"step": "accept"}, staff)
    passed = {"step": "pass_on", "department": "roads", "text": "主管道正常，井盖与路面属市政道路局。"}
    await _post(client, f"{url}/api/v1/console/posts/{city.places['long']}/case", passed, staff)
    for person in demo_cases.STAFF:
        await _post(client, f"{url}/api/v1/console/users", person, staff)
    city.places["given"] = await _say(client, url, demo_cases.GIVEN, "roads", "文化路", "", None)
    await _decide(client, url, staff, city.places["given"], "publish")
    officer = {"officer": demo_cases.STAFF[1]["name"]}
    await _post(client, f"{url}/api/v1/console/posts/{city.places['given']}/officer", officer, staff)
    answered = await _say(client, url, ANSWERED, "water", "中山路27号", "", None)
    await _decide(client, url, staff, answered, "publish")
    joined = await _say(client, url, SAME, "water", "中山路27号", "", None)
    await _post(client, f"{url}/api/v1/console/posts/{joined}/join", {"into": answered}, staff)
    city.places["joined"] = joined
    answer = {"text": ANSWER, "department": "water"}
    await _post(client, f"{url}/api/v1/console/posts/{answered}/answers", answer, staff)
    await _post(client, f"{url}/api/v1/posts/{answered}/comments", {"text": ADDED})
    for item in (await _get(client, f"{url}/api/v1/console/queue"))["items"]:
        if item["text"] == ADDED:
            await _post(client, f"{url}/api/v1/console/posts/{item['id']}/decision", {"action": "publish"}, staff)
    city.places["bulletin"] = await _bulletin(client, url, staff)
    for text, category, place in WAITING:
        city.places["waiting"] = await _say(client, url, text, category, place, "", None)
    for number in range(5):
        await _say(client, url, FLOOD if number else FLOOD + "急！", "water", "锦绣花园", "", None)
    city.places["answered"] = answered
    city.places["rule"] = (await _get(client, f"{url}/api/v1/console/routing"))["items"][0]["id"]
    city.places |= await _services(client, url, staff)
    sent = await _until(lambda: _get(client, f"{url}/api/v1/console/deliveries"), lambda found: found["items"])
    city.places["delivery"] = str(sent["items"][0]["id"])
    async with client.get(f"{url}/console/broadcasts") as page:
        found = re.search(r"/console/broadcasts/(\w+)\"", await page.text())
    assert found
    city.places["broadcast"] = found[1]


async def _organise(client: ClientSession, url: str, staff: dict[str, str]) -> None:
    """Add an office below a department and a sensitive category, and a report about that."""
    path = f"{url}/api/v1/console/organisation"
    await _post(client, f"{path}/departments", demo_organisation.DEPARTMENT, staff)
    await _post(client, f"{path}/departments/water/change", demo_organisation.WATER, staff)
    for category in demo_organisation.CATEGORIES:
        await _post(client, f"{path}/categories", category, staff)
    ticket = await _say(client, url, demo_organisation.COMPLAINT, "officials", "", "", None)
    await _decide(client, url, staff, ticket, "publish")


async def _services(client: ClientSession, url: str, staff: dict[str, str]) -> dict[str, str]:
    """What departments tell who asks by a word, and what is asked for in vain, once it is written down."""

    async def post(path: str, body: dict[str, Any]) -> Any:
        async with client.post(url + path, json=body, headers=staff) as answer:
            assert answer.status < 300, (path, await answer.text())
            return await answer.json()

    async def get(path: str) -> None:
        async with client.get(url + path) as answer:
            assert answer.status == 200, (path, await answer.text())

    places = await demo_services.write(post, get)
    await _until(lambda: _get(client, f"{url}/api/v1/console/services/words"), lambda found: found["items"])
    return places


async def _bulletin(client: ClientSession, url: str, staff: dict[str, str]) -> str:
    """Have the radio tell the day, and then that there is nothing new; gives the id of the first, spoken."""
    path = f"{url}/api/v1/console/bulletins"
    for _ in range(2):
        await _post(client, path, {}, staff)
        await _until(lambda: _get(client, path), lambda found: {one["state"] for one in found["items"]} == {"ready"})
    told = [one for one in (await _get(client, path))["items"] if one["language"] == "zh"]
    return str(told[-1]["id"])


async def _record(city: City, client: ClientSession, staff: dict[str, str], data: Path) -> None:
    """Voice notes: one written down twice, one in a language without a model, one that failed; and calls."""
    url = city.gateway.url

    async def spoken(language: str, text: str = "") -> dict[str, Any]:
        said = {"language": language, "own_voice": "true"}
        form = FormData({**said, "text": text} if text else said)
        form.add_field(
            "media", demo_calls.UTTERANCES[language].read_bytes(), filename="note.wav", content_type="audio/wav"
        )
        async with client.post(f"{url}/api/v1/posts", data=form) as answer:
            assert answer.status == 202, await answer.text()
            path = f"{url}/api/v1/console/posts/{(await answer.json())['ticket']}"
        return dict(await _until(lambda: _get(client, path), _is_settled))

    async def again(media_id: str, model: str) -> None:
        await _post(client, f"{url}/api/v1/console/transcription/{media_id}/again", {"model": model}, staff)

    first = await spoken("zh")
    city.places["spoken"] = first["ticket"]
    await again(first["media"][0]["id"], "vosk-model-small-cn-0.22")
    await spoken("en")
    broken = await spoken("zh", "听录音，井盖的声音很响。")
    await demo_calls.break_recording(data, broken["media"][0]["id"])
    await demo_calls.ring(data, first["ticket"])


async def _assess(city: City, client: ClientSession, staff: dict[str, str]) -> None:
    """Wait until the clock has judged the months, and give some supervisor's points."""
    url = city.gateway.url
    api = f"{url}/api/v1/console/assessment"
    found = await _until(lambda: _get(client, f"{url}/api/v1/departments"), lambda found: found["items"])
    # The one that runs may have been counted before the others were there; these follow each other.
    running = months.of(clock.now(), demo_months.ZONE)
    last = {str(running), str(running + -1)}
    judged = await _until(lambda: _months(client, url), lambda known: last <= set(known))
    for month, points in zip(judged[-2:], (7, 8.5), strict=True):
        for department in found["items"][:3]:
            given = {"month": month, "department": department["slug"], "points": points, "reason": REASON}
            await _post(client, f"{api}/points", given, staff)
    city.places["month"] = judged[-2]
    path = f"{url}/api/v1/assessment/roads/posts?month={judged[-2]}&which=late&limit=1"
    late = (await _get(client, path))["items"][0]
    left_out = {"month": judged[-2], "ticket": late["ticket"], "reason": LEFT_OUT}
    await _post(client, f"{api}/corrections", left_out, staff)


async def _months(client: ClientSession, url: str) -> list[str]:
    async with client.get(f"{url}/api/v1/assessment") as answer:
        return list((await answer.json())["months"]) if answer.status == 200 else []


def _is_settled(post: dict[str, Any]) -> bool:
    return all(file["transcript_state"] in ("done", "no_model") for file in post["media"])


async def _text(client: ClientSession, gateway: Gateway, bodies: tuple[str, ...]) -> None:
    """Texts from the simulator's handsets, one each."""
    base = gateway.handsets.rstrip("/")
    state = await _get(client, f"{base}/handsets/state")
    for handset, body in zip(state["handsets"], bodies, strict=False):
        await _post(client, f"{base}/handsets/{handset['number']}/text", {"body": body})


async def _say(
    client: ClientSession, url: str, text: str, category: str, place: str, name: str, picture: str | None
) -> str:
    form = FormData({key: value for key, value in (("text", text), ("category", category), ("name", name)) if value})
    if place:
        form.add_field("place", place)
    if picture:
        form.add_field("media", (PICTURES / picture).read_bytes(), filename=picture, content_type="image/jpeg")
    async with client.post(f"{url}/api/v1/posts", data=form) as answer:
        assert answer.status == 202, await answer.text()
        ticket: str = (await answer.json())["ticket"]
        return ticket


async def _decide(client: ClientSession, url: str, staff: dict[str, str], ticket: str, action: str) -> None:
    post = await _get(client, f"{url}/api/v1/console/posts/{ticket}")
    await _post(client, f"{url}/api/v1/console/posts/{post['id']}/decision", {"action": action}, staff)


async def _post(client: ClientSession, url: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    async with client.post(url, json=body, headers=headers) as answer:
        assert answer.status < 300, (url, answer.status, await answer.text())


async def _get(client: ClientSession, url: str) -> Any:
    async with client.get(url) as answer:
        assert answer.status == 200, (url, answer.status, await answer.text())
        return json.loads(await answer.text())


async def _until(ask: Callable[[], Any], enough: Callable[[Any], Any]) -> Any:
    """Ask until it is there; the test's own time limit ends a vain wait."""
    known = await ask()
    while not enough(known):
        await asyncio.sleep(0.1)
        known = await ask()
    return known
