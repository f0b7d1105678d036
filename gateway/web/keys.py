"""The names under which the application and a request carry things."""

from aiohttp import web

from gateway.desk import Desk
from gateway.runtime import Runtime
from store.accounts import Account

RUNTIME = web.AppKey("runtime", Runtime)
DESK = web.AppKey("desk", Desk)

# "zh" or "en": chosen by ?lang=, else by the cookie, else by Accept-Language, else the city's.
LANGUAGE = web.RequestKey("language", str)
# A short id that stands in the log and in error answers.
REQUEST_ID = web.RequestKey("request_id", str)
# Who is logged in, on staff paths.
ACCOUNT = web.RequestKey("account", Account)
