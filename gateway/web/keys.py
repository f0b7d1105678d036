"""The names under which the application and a request carry things."""

from typing import TYPE_CHECKING

from aiohttp import web

from gateway.desk import Desk
from gateway.limits import Limit
from gateway.runtime import Runtime
from gateway.web.setup import Setup
from store.accounts import Account
from store.sessions import Session

if TYPE_CHECKING:  # they use these names themselves
    from gateway.web.calls_live import Switchboard
    from gateway.web.drawing import Drawing
    from gateway.web.kept_pages import KeptPages
    from gateway.web.live import Hub
    from gateway.web.metrics import Metrics
    from gateway.web.phrase_counts import PhraseCounts

RUNTIME = web.AppKey("runtime", Runtime)
DESK = web.AppKey("desk", Desk)
DRAWING: "web.AppKey[Drawing]" = web.AppKey("drawing")
KEPT_PAGES: "web.AppKey[KeptPages]" = web.AppKey("kept_pages")
HUB: "web.AppKey[Hub]" = web.AppKey("hub")
SWITCHBOARD: "web.AppKey[Switchboard]" = web.AppKey("switchboard")
METRICS: "web.AppKey[Metrics]" = web.AppKey("metrics")
PHRASES: "web.AppKey[PhraseCounts]" = web.AppKey("phrases")
SETUP = web.AppKey("setup", Setup)
# How often one network may try passwords.
LOGINS = web.AppKey("logins", Limit)
# How often one network may change what is its visitors' own, and ask for codes.
CHANGES = web.AppKey("changes", Limit)
CODES = web.AppKey("codes", Limit)

# "zh" or "en": chosen by ?lang=, else by the cookie, else by Accept-Language, else the city's.
LANGUAGE = web.RequestKey("language", str)
# "light" or "dark", for who chose it by ?theme=; else the browser says.
THEME = web.RequestKey("theme", str)
# The fields of a form in parts, read once.
TYPED = web.RequestKey("typed", list[tuple[str, object]])
# A short id that stands in the log and in error answers.
REQUEST_ID = web.RequestKey("request_id", str)
# Who is logged in, on staff paths.
ACCOUNT = web.RequestKey("account", Account)
SESSION = web.RequestKey("session", Session)
# That a page is the same for everybody who is no staff, until something public changes.
LASTING = web.RequestKey("lasting", bool)
TOKEN_DRAWN = web.RequestKey("token_drawn", bool)
# That a request was answered with a kept page.
KEPT = web.RequestKey("kept", bool)
# The id in the visitor's cookie, and whether the answer must bring that cookie.
VISITOR = web.RequestKey("visitor", str)
NEW_VISITOR = web.RequestKey("new_visitor", bool)
