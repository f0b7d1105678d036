"""The lines of a scene: real channels to the gateway, but they only remember what they were to send."""

from collections import defaultdict

from channels.base import Capabilities, Channel, ChannelSettings, DeliveryKind, Fetched, Surroundings
from channels.failures import RetryLater
from gateway.schema_outgoing import Outgoing, SendResult
from tests.journey.day import files


class Remembering(Channel):
    """A line that remembers what it sent, and holds the files that came with messages."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(ChannelSettings(), around)
        self.sent: list[Outgoing] = []
        self.asked: defaultdict[str, int] = defaultdict(int)

    async def send(self, outgoing: Outgoing) -> SendResult:
        self.sent.append(outgoing)
        return SendResult(final=True)

    async def fetch(self, url: str, most_bytes: int) -> Fetched:
        self.asked[url] += 1
        name, _, patience = url.rpartition("/")[2].partition("?after=")
        if self.asked[url] <= int(patience or 0):
            raise RetryLater("404")
        return Fetched(*files.made(name))


class Sms(Remembering):
    """Text messages, which cost money."""

    name = "texting"
    capabilities = Capabilities(receives=True, delivery=DeliveryKind.SEND, schemes=("tel",), limit=1600, paid=True)


class Chat(Remembering):
    """The chat on the site."""

    name = "chat"
    capabilities = Capabilities(receives=True, delivery=DeliveryKind.MAILBOX, schemes=("web",))


class Hotline(Remembering):
    """Calls: what is to be said afterwards goes by text message."""

    name = "hotline"
    capabilities = Capabilities(receives=True)
