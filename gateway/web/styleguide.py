"""The page that shows every component in each of its states, so that a change of one is seen before citizens see it."""

import re
from functools import cache

from aiohttp import web

from gateway.schema import State
from gateway.schema_cases import Progress
from gateway.web import assets, console

# What no designer types and every city gets: words without an end, and words without a space.
LONG = (
    "人民路与解放大街交叉口西北角公交站台后面的人行道上，从上周三晚上开始一直有水从井盖里往外冒，夜里结冰以后已经有三位老人滑倒，"
    "我们打过两次热线，也在微信上留过言，到现在还没有人来看过，请尽快派人处理，谢谢。"
)
LONG_LATIN = (
    "Since last Wednesday evening water has been coming up through the manhole behind the bus stop at the corner of "
    "People's Road and Liberation Avenue; it freezes at night, and three elderly neighbours have fallen already."
)
UNBROKEN = "https://example.org/" + "averylongaddresswithoutanyplacetobreakit" * 4


def routes() -> list[web.RouteDef]:
    """Its address, for staff."""
    return [web.get("/console/styleguide", _show)]


async def _show(request: web.Request) -> web.Response:
    return await console.draw(
        request,
        "console/styleguide.html",
        icons=_icons(),
        states=list(State),
        progresses=list(Progress),
        long=LONG,
        long_latin=LONG_LATIN,
        unbroken=UNBROKEN,
    )


@cache
def _icons() -> list[str]:
    sprite = (assets.FOLDER / "icons.svg").read_text("utf-8")
    return re.findall(r'<symbol id="([\w-]+)"', sprite)
