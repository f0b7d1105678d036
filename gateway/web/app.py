"""The web application put together: what every request passes, and who answers where."""

from aiohttp import web

from gateway.desk import Desk
from gateway.limits import Limit
from gateway.runtime import Runtime
from gateway.web import (
    analytics,
    answer_templates,
    answering,
    api,
    assessment,
    assessment_api,
    assessment_console,
    assets,
    audit_page,
    auth,
    broadcasts,
    bulletins,
    calls,
    calls_live,
    campaigns,
    campaigns_api,
    categorising,
    channels,
    console,
    console_api,
    decisions,
    deliveries,
    departments,
    duty,
    entrance,
    factor_pages,
    handling,
    health,
    hooks,
    inbox,
    inbox_api,
    kept_pages,
    live,
    livery,
    marking,
    me,
    me_data,
    me_lines,
    media,
    metrics,
    middleware,
    organisation,
    organisation_api,
    overdue,
    overview,
    own_account,
    own_alarms,
    pages,
    phrases,
    queue,
    relocating,
    routing_pages,
    service_api,
    service_pages,
    services,
    settings_page,
    styleguide,
    subscribers,
    subscribers_api,
    together,
    transcription,
    users,
    words,
)
from gateway.web.drawing import Drawing
from gateway.web.keys import (
    CHANGES,
    CODES,
    DESK,
    DRAWING,
    HUB,
    KEPT_PAGES,
    LOGINS,
    METRICS,
    PHRASES,
    RUNTIME,
    SETUP,
    SWITCHBOARD,
)
from gateway.web.live import Hub
from gateway.web.metrics import Metrics
from gateway.web.phrase_counts import PhraseCounts
from gateway.web.setup import Setup

# Passwords tried from one network in a minute; a whole town hall may stand behind one address.
LOGINS_A_MINUTE = 60
CONSOLE = (
    queue,
    analytics,
    broadcasts,
    bulletins,
    calls,
    campaigns,
    campaigns_api,
    channels,
    console,
    console_api,
    decisions,
    deliveries,
    duty,
    overview,
    styleguide,
    subscribers,
    subscribers_api,
    transcription,
    words,
)
CASEWORK = (
    answer_templates,
    answering,
    assessment_console,
    categorising,
    handling,
    inbox,
    inbox_api,
    organisation,
    organisation_api,
    overdue,
    relocating,
    routing_pages,
    service_api,
    service_pages,
    services,
    together,
)
PEOPLE = (audit_page, entrance, factor_pages, own_account, own_alarms, settings_page, users)
PARTS = (
    *CONSOLE,
    *CASEWORK,
    *PEOPLE,
    api,
    assessment,
    assessment_api,
    assets,
    departments,
    health,
    live,
    marking,
    me,
    me_data,
    me_lines,
    media,
    metrics,
    pages,
    phrases,
)


def create_app(runtime: Runtime, desk: Desk) -> web.Application:
    """The application of one process; it becomes the desk's site."""
    limit = runtime.settings.server.body_limit
    app = web.Application(middlewares=middleware.middlewares(), client_max_size=limit)
    drawing = Drawing(runtime, csrf=auth.csrf_token, visitor=auth.visitor)
    app[RUNTIME], app[DESK], app[DRAWING] = runtime, desk, drawing
    app[METRICS], app[SETUP], app[LOGINS] = Metrics(runtime.pulse), Setup(runtime.vault), Limit(LOGINS_A_MINUTE, 60)
    app[CHANGES] = Limit(runtime.settings.intake.forms_per_hour, 3600)
    app[CODES] = Limit(runtime.settings.intake.codes_per_network, 3600)
    app[KEPT_PAGES] = kept_pages.KeptPages(runtime.database.wakeups)
    app[PHRASES] = PhraseCounts(runtime)
    app[HUB] = Hub(runtime, drawing.fragment, app[PHRASES])
    app[SWITCHBOARD] = calls_live.Switchboard(
        runtime,
        lambda call, language: drawing.draw(language, "console/call.html", {"call": call, **calls_live.known(runtime)}),
    )
    desk.site = drawing
    for streams in (app[HUB], app[SWITCHBOARD]):
        app.on_startup.append(streams.start)
        app.on_shutdown.append(streams.stop)
    app.on_response_prepare.append(middleware.on_prepare)
    for part in PARTS:
        app.add_routes(part.routes())
    app.add_routes(livery.routes(runtime.settings.city))
    hooks.mount(app)
    return app
