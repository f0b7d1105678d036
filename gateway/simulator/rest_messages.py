"""The carrier's API for messages and the files that came with them.

https://www.twilio.com/docs/messaging/api/message-resource and /docs/messaging/api/media-resource
"""

from aiohttp import web

from gateway.simulator import attachments, listing, messages, texting
from gateway.simulator.attachments import Attachment
from gateway.simulator.errors import not_found
from gateway.simulator.messages import Message
from gateway.simulator.network import Network

FILTERS = ("To", "From", *(f"DateSent{sign}" for sign in listing.SIGNS))


class MessagesApi:
    """Messages over one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def send(self, request: web.Request) -> web.Response:
        """Take a message from the gateway."""
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        message = texting.accept(self._network, form)
        return web.json_response(messages.describe(message, self._network.account), status=201)

    async def list(self, request: web.Request) -> web.Response:
        """Messages both ways, newest first."""
        asked = listing.asked(request, *FILTERS)
        try:
            found, more = self._network.log.page(asked.filters, asked.size, asked.after)
        except ValueError:
            raise listing.bad_date() from None
        rows = {sid: messages.describe(message, self._network.account) for sid, message in found.items()}
        return listing.answer(request, "messages", rows, asked, more)

    async def one(self, request: web.Request) -> web.Response:
        """One message."""
        return web.json_response(messages.describe(self._message(request), self._network.account))

    async def files(self, request: web.Request) -> web.Response:
        """The files of a message."""
        kept = [one for one in self._network.attachments.of(self._message(request).sid) if not one.deleted]
        rows = {one.sid: attachments.describe(one, self._network.account) for one in kept}
        return listing.answer(request, "media_list", rows, listing.asked(request), more=False)

    async def file(self, request: web.Request) -> web.Response:
        """One file: described with `.json`, else on its way to where it lies, as Twilio answers."""
        sid, _, kind = request.match_info["name"].partition(".")
        attachment = self._attachment(request, sid)
        if kind == "json":
            return web.json_response(attachments.describe(attachment, self._network.account))
        if kind or not attachment.ready:
            raise not_found(request.path)
        onward = attachments.signed_path(attachment, self._network.account)
        return web.Response(status=307, headers={"Location": self._network.url + onward})

    async def delete_file(self, request: web.Request) -> web.Response:
        """Forget a file; its phone still has it."""
        self._attachment(request, request.match_info["name"].removesuffix(".json")).deleted = True
        return web.Response(status=204)

    async def stored(self, request: web.Request) -> web.Response:
        """The file itself, for whoever has its signed address."""
        sid, query = request.match_info["sid"], request.query
        until, signature = query.get("Expires", ""), query.get("Signature", "")
        if not attachments.is_signed(sid, until, signature, self._network.account):
            return web.Response(status=403, text="AccessDenied")
        attachment = self._network.attachments.get(sid)
        if attachment is None or not attachment.ready:
            return web.Response(status=404, text="NoSuchKey")
        return web.Response(body=attachment.file.data, headers={"Content-Type": attachment.file.type})

    def _message(self, request: web.Request) -> Message:
        message = self._network.log.get(request.match_info["sid"])
        if message is None:
            raise not_found(request.path)
        return message

    def _attachment(self, request: web.Request, sid: str) -> Attachment:
        attachment = self._network.attachments.get(sid)
        if attachment is None or attachment.deleted or attachment.message_sid != self._message(request).sid:
            raise not_found(request.path)
        return attachment
