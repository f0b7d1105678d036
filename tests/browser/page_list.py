"""Every page of the site: looked at by `make screens`, and examined by test_pages. A new page is a line here."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """One page: what its picture is called, its address with places of `City.places`, who sees it, and its status."""

    name: str
    path: str
    staff: bool = False
    status: int = 200
    author: bool = False

    @property
    def who(self) -> str:
        """Whose browser shows it: anybody's, that of somebody who said something, or a staff member's."""
        return "staff" if self.staff else "author" if self.author else "anybody"


PAGES: Sequence[Listed] = (
    Listed("home", "/"),
    Listed("home-of-category", "/?category=roads"),
    Listed("home-empty", "/?place=nowhere"),
    Listed("search", "/search?q=漏水"),
    Listed("search-nothing", "/search?q=nowhere"),
    Listed("new", "/new"),
    Listed("post-answered", "/posts/{answered}"),
    Listed("post-long", "/posts/{long}"),
    Listed("post-waiting", "/posts/{waiting}?new=1"),
    Listed("post-join", "/posts/{answered}/join"),
    Listed("post-unknown", "/posts?ticket=1234", status=404),
    Listed("post-judged", "/posts/{judged}"),
    Listed("mark", "/posts/{mine}/mark", author=True),
    Listed("mark-given", "/posts/{judged}/mark?done=kept", author=True),
    Listed("mark-nobody", "/posts/{mine}/mark"),
    Listed("follow", "/follow"),
    Listed("services", "/services"),
    Listed("services-found", "/services?q=身份证"),
    Listed("services-nothing", "/services?q=nowhere"),
    Listed("service", "/services/passport"),
    Listed("service-outage", "/services/{outage}"),
    Listed("search-service", "/search?q=停水"),
    Listed("departments", "/departments"),
    Listed("assessment", "/assessment"),
    Listed("assessment-frozen", "/assessment?month={month}"),
    Listed("assessment-department", "/assessment/roads?month={month}"),
    Listed("assessment-department-small", "/assessment/police?month={month}"),
    Listed("assessment-posts", "/assessment/roads/posts?month={month}&which=late"),
    Listed("department", "/departments/water"),
    Listed("rules", "/rules"),
    Listed("privacy", "/privacy"),
    Listed("radio", "/radio?language=zh"),
    Listed("radio-english", "/radio?language=en"),
    Listed("radio-bulletin", "/radio/bulletins/{bulletin}"),
    Listed("chat", "/chat"),
    Listed("me-nobody", "/me"),
    Listed("me", "/me", author=True),
    Listed("me-export", "/me/export", author=True),
    Listed("me-erase", "/me/erase", author=True),
    Listed("me-leave", "/me/leave", author=True),
    Listed("chat-conversation", "/chat", author=True),
    Listed("login", "/login"),
    Listed("not-found", "/nothing/here", status=404),
    Listed("console-queue", "/console", staff=True),
    Listed("console-post", "/console/posts/{answered}", staff=True),
    Listed("console-post-judged", "/console/posts/{judged}", staff=True),
    Listed("console-post-passed-on", "/console/posts/{long}", staff=True),
    Listed("console-post-given", "/console/posts/{given}", staff=True),
    Listed("console-post-waiting", "/console/posts/{waiting}", staff=True),
    Listed("console-post-joined", "/console/posts/{joined}", staff=True),
    Listed("console-inbox", "/console/inbox", staff=True),
    Listed("console-inbox-filtered", "/console/inbox?category=roads&days=7", staff=True),
    Listed("console-inbox-judged", "/console/inbox?mark=good", staff=True),
    Listed("console-inbox-search", "/console/inbox?q=漏水", staff=True),
    Listed("console-inbox-nothing", "/console/inbox?place=nowhere", staff=True),
    Listed("console-overdue", "/console/overdue", staff=True),
    Listed("console-calls", "/console/calls", staff=True),
    Listed("console-post-spoken", "/console/posts/{spoken}", staff=True),
    Listed("console-transcription", "/console/transcription", staff=True),
    Listed("console-templates", "/console/templates", staff=True),
    Listed("console-template-new", "/console/templates/new", staff=True),
    Listed("console-services", "/console/services", staff=True),
    Listed("console-service", "/console/services/{service}", staff=True),
    Listed("console-service-outage", "/console/services/{service_outage}", staff=True),
    Listed("console-service-held", "/console/services/{service_held}", staff=True),
    Listed("console-service-new", "/console/services/new", staff=True),
    Listed("console-services-words", "/console/services/words", staff=True),
    Listed("console-overview", "/console/overview", staff=True),
    Listed("console-analytics", "/console/analytics?period=30", staff=True),
    Listed("console-analytics-by-channel", "/console/analytics?period=7&by=channel&against=year", staff=True),
    Listed("console-analytics-nothing", "/console/analytics?period=own&first=2020-01-01&last=2020-01-02", staff=True),
    Listed("console-assessment", "/console/assessment", staff=True),
    Listed("console-assessment-frozen", "/console/assessment?month={month}", staff=True),
    Listed("console-deliveries", "/console/deliveries", staff=True),
    Listed("console-delivery", "/console/deliveries/{delivery}", staff=True),
    Listed("console-dead-letters", "/console/dead-letters", staff=True),
    Listed("console-broadcasts", "/console/broadcasts", staff=True),
    Listed("console-broadcast", "/console/broadcasts/{broadcast}", staff=True),
    Listed("console-bulletins", "/console/bulletins", staff=True),
    Listed("console-channels", "/console/channels", staff=True),
    Listed("console-channel", "/console/channels/sms_twilio", staff=True),
    Listed("console-words", "/console/words", staff=True),
    Listed("console-routing", "/console/routing", staff=True),
    Listed("console-routing-new", "/console/routing/new", staff=True),
    Listed("console-routing-rule", "/console/routing/{rule}", staff=True),
    Listed("console-subscribers", "/console/subscribers", staff=True),
    Listed("console-organisation", "/console/organisation", staff=True),
    Listed("console-organisation-department", "/console/organisation/departments/drains", staff=True),
    Listed("console-organisation-category", "/console/organisation/categories/officials", staff=True),
    Listed("console-organisation-new", "/console/organisation/departments/new", staff=True),
    Listed("console-users", "/console/users", staff=True),
    Listed("console-account", "/console/account", staff=True),
    Listed("console-second-factor", "/console/account/second-factor", staff=True),
    Listed("console-audit", "/console/audit", staff=True),
    Listed("console-settings", "/console/settings", staff=True),
    Listed("console-styleguide", "/console/styleguide", staff=True),
)
