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
    Listed("post-unknown", "/posts?ticket=1234", status=404),
    Listed("follow", "/follow"),
    Listed("phrase", "/phrase"),
    Listed("phrase-going", "/phrase/spring"),
    Listed("phrase-drawn", "/phrase/winter"),
    Listed("departments", "/departments"),
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
    Listed("console-post-passed-on", "/console/posts/{long}", staff=True),
    Listed("console-post-waiting", "/console/posts/{waiting}", staff=True),
    Listed("console-inbox", "/console/inbox", staff=True),
    Listed("console-inbox-filtered", "/console/inbox?category=roads&days=7", staff=True),
    Listed("console-inbox-search", "/console/inbox?q=漏水", staff=True),
    Listed("console-inbox-nothing", "/console/inbox?place=nowhere", staff=True),
    Listed("console-calls", "/console/calls", staff=True),
    Listed("console-post-spoken", "/console/posts/{spoken}", staff=True),
    Listed("console-transcription", "/console/transcription", staff=True),
    Listed("console-templates", "/console/templates", staff=True),
    Listed("console-template-new", "/console/templates/new", staff=True),
    Listed("console-overview", "/console/overview", staff=True),
    Listed("console-analytics", "/console/analytics?period=30", staff=True),
    Listed("console-analytics-by-channel", "/console/analytics?period=7&by=channel&against=year", staff=True),
    Listed("console-analytics-nothing", "/console/analytics?period=own&first=2020-01-01&last=2020-01-02", staff=True),
    Listed("console-deliveries", "/console/deliveries", staff=True),
    Listed("console-delivery", "/console/deliveries/{delivery}", staff=True),
    Listed("console-dead-letters", "/console/dead-letters", staff=True),
    Listed("console-broadcasts", "/console/broadcasts", staff=True),
    Listed("console-broadcast", "/console/broadcasts/{broadcast}", staff=True),
    Listed("console-bulletins", "/console/bulletins", staff=True),
    Listed("console-duty", "/console/duty", staff=True),
    Listed("console-campaigns", "/console/campaigns", staff=True),
    Listed("console-campaign", "/console/campaigns/{campaign}", staff=True),
    Listed("console-campaign-drawn", "/console/campaigns/{drawn}", staff=True),
    Listed("console-channels", "/console/channels", staff=True),
    Listed("console-channel", "/console/channels/sms_twilio", staff=True),
    Listed("console-words", "/console/words", staff=True),
    Listed("console-subscribers", "/console/subscribers", staff=True),
    Listed("console-users", "/console/users", staff=True),
    Listed("console-account", "/console/account", staff=True),
    Listed("console-second-factor", "/console/account/second-factor", staff=True),
    Listed("console-audit", "/console/audit", staff=True),
    Listed("console-settings", "/console/settings", staff=True),
    Listed("console-styleguide", "/console/styleguide", staff=True),
)
