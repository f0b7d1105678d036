"""Who may do what in the console: one row for each route of staff, pages and API alike.

A role may what its rows say; a token may that only within its scopes. What stands in no row nobody may: a new route
needs its row here, and a test walks all of them with every role.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.errors import NotAllowed
from gateway.journey import organisation
from gateway.schema import State
from gateway.settings import Settings
from store.accounts import Account, Role
from store.posts_for_staff import StaffPost
from store.sessions import Scope, Session

STAFF_PAGES = "/console"
STAFF_API = "/api/v1/console"


@dataclass(frozen=True, slots=True)
class Rule:
    """Which roles a route is for, and which scope a token needs there."""

    roles: frozenset[Role]
    scope: Scope


ALL = frozenset(Role)
DECIDING = frozenset({Role.ADMINISTRATOR, Role.MODERATOR})
ANSWERING = frozenset({Role.ADMINISTRATOR, Role.OFFICER})
ADMINISTERING = frozenset({Role.ADMINISTRATOR})
WRITING = frozenset({Role.ADMINISTRATOR, Role.MODERATOR, Role.OFFICER})

READ = Rule(ALL, Scope.READ)
NOTE = Rule(WRITING, Scope.POST)
# What answers are begun with is for those who answer.
LOOK_AT_ANSWERS = Rule(ANSWERING, Scope.READ)
# One's own account: nobody else's business, and no program's.
OWN = Rule(ALL, Scope.ADMIN)
# The line on which one is told of one's work: for all who have some.
OWN_LINE = Rule(WRITING, Scope.ADMIN)
ANSWER = Rule(ANSWERING, Scope.POST)
DECIDE = Rule(DECIDING, Scope.MODERATE)
LOOK_CLOSELY = Rule(DECIDING, Scope.READ)
# Moderators are who sees day by day what went to the wrong department.
RULE_ROUTES = Rule(DECIDING, Scope.MODERATE)
OPERATE = Rule(DECIDING, Scope.OPERATE)
WATCH = Rule(ADMINISTERING, Scope.READ)
SWITCH = Rule(ADMINISTERING, Scope.OPERATE)
ADMINISTER = Rule(ADMINISTERING, Scope.ADMIN)

TABLE: Mapping[str, Rule] = {
    # posts
    "GET /console": READ,
    "GET /console/queue/rows": READ,
    "POST /console/queue/marks": READ,
    "GET /console/calls": READ,
    "GET /console/calls/live": READ,
    "GET /api/v1/console/calls": READ,
    "GET /console/queue/{id}/behind": LOOK_CLOSELY,
    "POST /console/queue/{id}/open": DECIDE,
    "POST /console/queue/{id}/leave": DECIDE,
    # to let a rule publish asks for more in its handler
    "POST /console/queue/mode": DECIDE,
    "POST /console/decisions": DECIDE,
    "POST /console/decisions/{decision}/undo": DECIDE,
    "POST /console/media/{id}/transcript": DECIDE,
    "POST /console/media/{id}/transcription": DECIDE,
    "GET /console/transcription": READ,
    "POST /console/transcription/again": DECIDE,
    "GET /api/v1/console/transcription": READ,
    "POST /api/v1/console/transcription/{id}/again": DECIDE,
    "GET /console/live": READ,
    "GET /console/styleguide": READ,
    "GET /console/find": READ,
    "GET /console/overview": READ,
    "GET /console/analytics": READ,
    "GET /console/analytics/{chart}.csv": READ,
    "GET /api/v1/console/overview": READ,
    "GET /api/v1/console/analytics": READ,
    "GET /console/posts/{ticket}": READ,
    "GET /console/posts/{ticket}/typing": READ,
    "POST /console/posts/{id}/decision": DECIDE,
    "POST /console/posts/{id}/undo": DECIDE,
    "POST /console/posts/{ticket}/category": DECIDE,
    "POST /console/posts/{ticket}/answers": ANSWER,
    "GET /console/posts/{ticket}/templates/{id}": LOOK_AT_ANSWERS,
    "POST /console/posts/{ticket}/notes": NOTE,
    # which steps are whose is asked behind
    "POST /console/posts/{ticket}/case": NOTE,
    "POST /console/posts/{id}/join": DECIDE,
    "POST /console/posts/{id}/separate": DECIDE,
    "POST /console/posts/{id}/put-back": DECIDE,
    "POST /console/posts/{ticket}/place": DECIDE,
    "POST /api/v1/console/posts/{reference}/place": DECIDE,
    "POST /console/posts/{ticket}/officer": NOTE,
    "GET /console/overdue": READ,
    "POST /console/media/{id}/visibility": DECIDE,
    "POST /console/media/{id}/again": DECIDE,
    "POST /console/media/{id}/air": DECIDE,
    "POST /console/posts/{id}/voice": DECIDE,
    "GET /console/words": LOOK_CLOSELY,
    "POST /console/words": LOOK_CLOSELY,
    "POST /console/words/trial": LOOK_CLOSELY,
    "GET /api/v1/console/queue": READ,
    "GET /api/v1/console/posts/{reference}": READ,
    "POST /api/v1/console/posts/{reference}/decision": DECIDE,
    "POST /api/v1/console/posts/{reference}/undo": DECIDE,
    "POST /api/v1/console/decisions": DECIDE,
    "POST /api/v1/console/decisions/{decision}/undo": DECIDE,
    "POST /api/v1/console/posts/{reference}/category": DECIDE,
    "POST /api/v1/console/posts/{reference}/answers": ANSWER,
    "POST /api/v1/console/posts/{reference}/notes": NOTE,
    "POST /api/v1/console/posts/{reference}/case": NOTE,
    "POST /api/v1/console/posts/{reference}/join": DECIDE,
    "POST /api/v1/console/posts/{reference}/separate": DECIDE,
    "POST /api/v1/console/posts/{reference}/put-back": DECIDE,
    "POST /api/v1/console/posts/{reference}/officer": NOTE,
    "GET /api/v1/console/overdue": READ,
    "POST /api/v1/console/words/trial": LOOK_CLOSELY,
    # which department gets what
    "GET /console/routing": LOOK_CLOSELY,
    "GET /console/routing/{id}": LOOK_CLOSELY,
    "POST /console/routing/{id}": RULE_ROUTES,
    "POST /console/routing/{id}/undo": RULE_ROUTES,
    "GET /api/v1/console/routing": LOOK_CLOSELY,
    "POST /api/v1/console/routing": RULE_ROUTES,
    "POST /api/v1/console/routing/trial": LOOK_CLOSELY,
    "POST /api/v1/console/routing/{id}/trial": LOOK_CLOSELY,
    "POST /api/v1/console/routing/{id}/change": RULE_ROUTES,
    "DELETE /api/v1/console/routing/{id}": RULE_ROUTES,
    # the inbox; saved filters are one's own bookmarks, and whose they are is asked behind
    "GET /console/inbox": READ,
    "POST /console/inbox/filters": READ,
    "POST /console/inbox/filters/{id}": READ,
    "GET /api/v1/console/inbox": READ,
    "GET /api/v1/console/filters": READ,
    "POST /api/v1/console/filters": READ,
    "POST /api/v1/console/filters/{id}/change": READ,
    "DELETE /api/v1/console/filters/{id}": READ,
    # templates of answers; of which departments is asked behind
    "GET /console/templates": LOOK_AT_ANSWERS,
    "GET /console/templates/new": LOOK_AT_ANSWERS,
    "GET /console/templates/changes.csv": LOOK_AT_ANSWERS,
    "GET /console/templates/{id}": LOOK_AT_ANSWERS,
    "POST /console/templates": ANSWER,
    "POST /console/templates/{id}": ANSWER,
    "POST /console/templates/{id}/remove": ANSWER,
    "POST /console/templates/{id}/restore": ANSWER,
    "GET /api/v1/console/templates": LOOK_AT_ANSWERS,
    "POST /api/v1/console/templates": ANSWER,
    "POST /api/v1/console/templates/{id}/change": ANSWER,
    "DELETE /api/v1/console/templates/{id}": ANSWER,
    # the departments' assessment; that points and corrections are for supervisors is asked behind
    "GET /console/assessment": READ,
    "POST /console/assessment/points": NOTE,
    "POST /console/assessment/corrections": NOTE,
    "GET /api/v1/console/assessment": READ,
    "POST /api/v1/console/assessment/points": NOTE,
    "POST /api/v1/console/assessment/corrections": NOTE,
    # services of departments; of which, and what is a moderator's, is asked behind
    "GET /console/services": READ,
    "GET /console/services/new": LOOK_AT_ANSWERS,
    "GET /console/services/words": READ,
    "GET /console/services/{id}": READ,
    "POST /console/services": ANSWER,
    "POST /console/services/words": ANSWER,
    "POST /console/services/{id}": ANSWER,
    "POST /console/services/{id}/undo": NOTE,
    "POST /console/services/{id}/tell": ANSWER,
    "POST /console/services/{id}/{step}": NOTE,
    "GET /api/v1/console/services": READ,
    "GET /api/v1/console/services/words": READ,
    "GET /api/v1/console/services/{id}": READ,
    "POST /api/v1/console/services": ANSWER,
    "POST /api/v1/console/services/words": ANSWER,
    "POST /api/v1/console/services/{id}/change": ANSWER,
    "POST /api/v1/console/services/{id}/undo": NOTE,
    "POST /api/v1/console/services/{id}/tell": ANSWER,
    "POST /api/v1/console/services/{id}/{step}": NOTE,
    # deliveries, broadcasts, channels; what costs money or switches a line asks for more in its handler
    "GET /console/deliveries": READ,
    "GET /console/deliveries/{id}": READ,
    "GET /console/dead-letters": READ,
    "POST /console/deliveries/again": OPERATE,
    "POST /console/deliveries/drop": OPERATE,
    "GET /console/broadcasts": READ,
    "GET /console/broadcasts/{id}": READ,
    "POST /console/broadcasts/{id}/{action}": OPERATE,
    "GET /console/bulletins": READ,
    "POST /console/bulletins": OPERATE,
    "POST /console/bulletins/{id}/{act}": OPERATE,
    "GET /api/v1/console/bulletins": READ,
    "POST /api/v1/console/bulletins": OPERATE,
    "POST /api/v1/console/bulletins/{id}/{act}": OPERATE,
    # daily phrases; codes and the draw are for administrators
    "GET /console/duty": LOOK_CLOSELY,
    "POST /console/duty/shifts": DECIDE,
    "POST /console/duty/shifts/{id}/swap": DECIDE,
    "POST /console/duty/shifts/{id}/{act}": DECIDE,
    "POST /console/duty/notes": DECIDE,
    "POST /console/duty/notes/{id}/read": DECIDE,
    "POST /console/duty/alarms/{id}/claim": DECIDE,
    "GET /api/v1/console/duty": LOOK_CLOSELY,
    "GET /console/campaigns": READ,
    "POST /console/campaigns": OPERATE,
    "GET /console/campaigns/{id}": READ,
    "POST /console/campaigns/{id}": OPERATE,
    "POST /console/campaigns/{id}/phrases": OPERATE,
    "POST /console/campaigns/{id}/phrases/remove": OPERATE,
    "POST /console/campaigns/{id}/bar": OPERATE,
    "POST /console/campaigns/{id}/let-in": OPERATE,
    "POST /console/campaigns/{id}/{act}": OPERATE,
    "POST /console/campaigns/{id}/codes": SWITCH,
    "POST /console/campaigns/{id}/draw/{act}": SWITCH,
    "GET /api/v1/console/campaigns": READ,
    "GET /console/channels": READ,
    "GET /console/channels/{name}": READ,
    "GET /console/channels/{name}/{chart}.csv": READ,
    "POST /console/channels/{name}/switch": SWITCH,
    "GET /api/v1/console/deliveries": READ,
    "GET /api/v1/console/deliveries/{id}": READ,
    "POST /api/v1/console/deliveries/again": OPERATE,
    "POST /api/v1/console/deliveries/drop": OPERATE,
    "GET /api/v1/console/broadcasts": READ,
    "GET /api/v1/console/broadcasts/{id}": READ,
    "POST /api/v1/console/broadcasts/{id}/change": OPERATE,
    "GET /api/v1/console/channels": READ,
    # other systems that are told
    "GET /console/subscribers": WATCH,
    "POST /console/subscribers": SWITCH,
    "POST /console/subscribers/{id}/rotate": SWITCH,
    "POST /console/subscribers/{id}/{act}": SWITCH,
    "GET /api/v1/console/subscribers": WATCH,
    "POST /api/v1/console/subscribers": SWITCH,
    "POST /api/v1/console/subscribers/{id}/{act}": SWITCH,
    # one's own account
    "POST /console/logout": OWN,
    "GET /console/account": OWN,
    "POST /console/account/password": OWN,
    "POST /console/account/language": OWN,
    "POST /console/account/alarm": OWN_LINE,
    "POST /console/account/alarm/code": OWN_LINE,
    "POST /console/account/alarm/remove": OWN_LINE,
    "POST /console/account/alarm/subjects": OWN_LINE,
    "POST /console/account/tokens": OWN,
    "POST /console/account/sessions/others/end": OWN,
    "POST /console/account/sessions/{id}/end": OWN,
    "GET /console/account/second-factor": OWN,
    "POST /console/account/second-factor": OWN,
    "POST /console/account/second-factor/confirm": OWN,
    "POST /console/account/second-factor/codes": OWN,
    "POST /console/account/second-factor/remove": OWN,
    # everybody else's
    "GET /console/users": ADMINISTER,
    "POST /console/users": ADMINISTER,
    "GET /console/users/{id}": ADMINISTER,
    "POST /console/users/{id}/{action}": ADMINISTER,
    "GET /console/audit": ADMINISTER,
    "GET /console/audit.csv": ADMINISTER,
    "GET /console/settings": ADMINISTER,
    # departments and categories
    "GET /console/organisation": ADMINISTER,
    "GET /console/organisation/{kind}/new": ADMINISTER,
    "GET /console/organisation/{kind}/{slug}": ADMINISTER,
    "POST /console/organisation/{kind}": ADMINISTER,
    "POST /console/organisation/{kind}/{slug}": ADMINISTER,
    "POST /console/organisation/{kind}/{slug}/{act}": ADMINISTER,
    "POST /console/organisation/categories/{slug}/withdraw": ADMINISTER,
    "POST /console/organisation/changes/{id}/undo": ADMINISTER,
    "GET /api/v1/console/organisation": ADMINISTER,
    "GET /api/v1/console/organisation/{kind}/{slug}/changes": ADMINISTER,
    "POST /api/v1/console/organisation/{kind}": ADMINISTER,
    "POST /api/v1/console/organisation/{kind}/{slug}/change": ADMINISTER,
    "POST /api/v1/console/organisation/{kind}/{slug}/{act}": ADMINISTER,
    "POST /api/v1/console/organisation/categories/{slug}/withdraw": ADMINISTER,
    "POST /api/v1/console/organisation/changes/{id}/undo": ADMINISTER,
    "GET /api/v1/console/users": ADMINISTER,
    "POST /api/v1/console/users": ADMINISTER,
    "POST /api/v1/console/users/{id}/change": ADMINISTER,
    "GET /api/v1/console/audit": ADMINISTER,
    "GET /api/v1/console/settings": ADMINISTER,
}


# Forms of staff that bring files, and so may be larger than others.
WITH_FILES = frozenset({"POST /console/posts/{ticket}/answers", "POST /api/v1/console/posts/{reference}/answers"})


def brings_files(request: web.Request) -> bool:
    """Whether a request is a form of staff that may bring files."""
    resource = request.match_info.route.resource
    return resource is not None and name(request.method, resource.canonical) in WITH_FILES


def is_staff(path: str) -> bool:
    """Whether a path is for staff only."""
    return path == STAFF_PAGES or path.startswith((f"{STAFF_PAGES}/", STAFF_API))


def name(method: str, canonical: str) -> str:
    """The name of a route's row."""
    return f"{'GET' if method == 'HEAD' else method} {canonical}"


def check(request: web.Request, session: Session) -> None:
    """Raises `NotAllowed` when this request is not for this session's role, or for its scopes."""
    resource = request.match_info.route.resource
    if resource is None:  # there is no such route: its 404 or 405 is all there is to say
        return
    rule = TABLE.get(name(request.method, resource.canonical))
    if rule is None or session.account.role not in rule.roles:
        raise NotAllowed("your role does not allow this")
    if session.scopes is not None and rule.scope not in session.scopes:
        raise NotAllowed(f"this token lacks the scope {rule.scope}")


def own_department(account: Account) -> str | None:
    """The department an account is limited to: that of an officer who is not for all of them; None for no limit.

    Such an officer reads what everybody reads, and of the rest what is his department's or of one below it: nothing
    that waits for its first decision, for nobody knows yet whose it will be, and no other department's private reports.
    """
    return account.department if account.role is Role.OFFICER else None


def seen_departments(settings: Settings, account: Account) -> Collection[str] | None:
    """The departments whose reports an account reads: its own with all below it; None for every one."""
    own = own_department(account)
    return own and organisation.with_children(settings.known_departments, own)


def readable(settings: Settings, account: Account, thread: Sequence[StaffPost]) -> list[StaffPost]:
    """What of a thread, the first post first, an account may read. Raises `NotAllowed` when that is not the first."""
    seen_of, first = seen_departments(settings, account), thread[0]
    if seen_of is None or first.department in seen_of or first.handed_to in seen_of:
        return list(thread)
    seen = [post for post in thread if is_readable(settings, account, post)]
    if not seen or seen[0] is not first:
        raise NotAllowed("this report is not your department's")
    return seen


def is_readable(settings: Settings, account: Account, post: StaffPost) -> bool:
    """Whether an account may read one post that stands by itself."""
    seen_of = seen_departments(settings, account)
    return seen_of is None or post.department in seen_of or (post.state is State.PUBLISHED and not post.private)


def check_queue(account: Account) -> None:
    """Raises `NotAllowed` when what waits for its first decision is not for an account."""
    if own_department(account):
        raise NotAllowed("what waits to be decided is not for officers of one department")


def scopes_of(account: Account) -> Collection[Scope]:
    """The scopes that are of use to an account, in their order: those of the API's rows that its role may."""
    mine = {rule.scope for route, rule in TABLE.items() if STAFF_API in route and account.role in rule.roles}
    return [scope for scope in Scope if scope in mine]
