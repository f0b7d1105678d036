"""How the carrier carries texts: what the gateway sends, what citizens send, and the words STOP, START and HELP.

https://www.twilio.com/docs/messaging/guides/webhook-request and /docs/messaging/guides/track-outbound-message-status
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element, ParseError

from gateway.simulator import payloads
from gateway.simulator.account import is_local, is_number, new_sid
from gateway.simulator.attachments import File
from gateway.simulator.errors import ApiError
from gateway.simulator.handsets import Handset
from gateway.simulator.messages import Message
from gateway.simulator.network import Network
from gateway.simulator.twiml import parse
from gateway.simulator.webhooks import NO_ANSWER, Answer
from gateway.simulator.words import carrier_reply

LONGEST_BODY = 1600
SERVICE = re.compile(r"MG[0-9a-f]{32}")
# Only as the whole message, in any case. https://help.twilio.com/articles/223134027
KEYWORDS = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"), "STOP"),
    **dict.fromkeys(("START", "YES", "UNSTOP"), "START"),
    **dict.fromkeys(("HELP", "INFO"), "HELP"),
}


def accept(network: Network, form: Mapping[str, str]) -> Message:
    """Take a message from the gateway and start carrying it. Raises ApiError as Twilio would refuse it."""
    to, sender, service = form.get("To", ""), form.get("From", ""), form.get("MessagingServiceSid", "")
    body, callback = form.get("Body", ""), form.get("StatusCallback", "")
    _check_ends(network, to, sender, service)
    _check_content(body, callback, form.get("ValidityPeriod", ""))
    if network.handsets.get(to).opted_out:
        raise ApiError(21610, "Attempt to send to unsubscribed recipient")
    message = Message(
        sender=sender or network.account.number,
        to=to,
        body=body,
        direction="outbound-api",
        status="accepted" if service and not sender else "queued",
        service=service or None,
        callback=callback or None,
    )
    network.log.add(message)
    network.spawn(carry(network, message), f"carry {message.sid}")
    return message


async def carry(network: Network, message: Message) -> None:
    """Bring a message to its handset, and tell the gateway of each step if it wants to know."""
    receipts: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()
    if message.callback:
        network.spawn(_report(network, message.callback, receipts), f"report {message.sid}")
    for pause, status, error in _steps(network, message):
        await asyncio.sleep(pause)
        message.move(status, error)
        if status == "delivered":
            network.handsets.put(message)
        receipts.put_nowait(payloads.receipt(message, network.account))
    receipts.put_nowait(None)


async def text(
    network: Network,
    sender: str,
    body: str,
    *,
    files: Sequence[File] = (),
    sid: str | None = None,
    repeat: int = 1,
) -> list[int]:
    """Send a text from a handset to the city; gives the HTTP status of each request (0: no answer).

    With `repeat` the gateway is told that many times of the same message; with the `sid` of an earlier message
    it is told of that one again. What nobody takes is kept as received, with the error that the carrier notes.
    """
    handset = network.handsets.get(sender)
    message = network.log.get(sid)
    if message is None:
        message = _write(network, sender, body, files, sid)
        _obey(network, handset, _keyword(body))
    keyword = _keyword(message.body) if network.advanced_opt_out else None
    hook = network.hook("sms_twilio/inbound")
    told = payloads.inbound_text(message, network.account, network.url, keyword)
    statuses: list[int] = []
    answer = NO_ANSWER
    for _ in range(repeat):
        answers = await network.webhooks.deliver(hook, told, network.delays.retrying)
        statuses += [one.status for one in answers]
        answer = answers[-1]
        _reply(network, message, answer)
    if not answer.accepted:
        message.move("received", 11200)
    elif message.status == "receiving":
        message.move("received")
    network.handsets.put(message)
    return statuses


def _check_ends(network: Network, to: str, sender: str, service: str) -> None:
    if not to:
        raise ApiError(21604, "A 'To' phone number is required.")
    if not is_number(to):
        raise ApiError(21211, f"Invalid 'To' Phone Number: {to[:32]}")
    if not sender and not service:
        raise ApiError(21603, "A 'From' phone number is required.")
    if sender and sender != network.account.number:
        raise ApiError(21606, f"The 'From' phone number {sender[:32]} is not a valid, message-capable number")
    if service and not SERVICE.fullmatch(service):
        raise ApiError(21701, "The Messaging Service resource does not exist")


def _check_content(body: str, callback: str, validity: str) -> None:
    if not body:
        raise ApiError(21602, "Message body is required.")
    if len(body) > LONGEST_BODY:
        raise ApiError(21617, "The concatenated message body exceeds the 1600 character limit")
    if callback and not is_local(callback):
        raise ApiError(21609, "The 'StatusCallback' URL is not a valid URL on this machine.")
    if validity and not (validity.isdecimal() and 1 <= int(validity) <= 36000):
        raise ApiError(21625, "The 'ValidityPeriod' must be between 1 and 36000 seconds")


def _steps(network: Network, message: Message) -> Iterator[tuple[float, str, int | None]]:
    """Pause, status and error of each step; asked one by one, for a handset may be switched off on the way."""
    delays = network.delays
    if message.status == "accepted":
        yield 0.0, "queued", None
    yield delays.sending, "sent", None
    if network.handsets.get(message.to).on:
        yield delays.delivering, "delivered", None
    else:
        yield delays.delivering, "undelivered", 30003


async def _report(network: Network, url: str, receipts: "asyncio.Queue[dict[str, str] | None]") -> None:
    """Send receipts one after the other; apart from carrying, so that a slow gateway slows no handset."""
    held: list[dict[str, str]] = []
    while (receipt := await receipts.get()) is not None:
        held.append(receipt)
        if not network.faults.receipts_out_of_order:
            await _send_receipts(network, url, held)
    held.reverse()
    await _send_receipts(network, url, held)


async def _send_receipts(network: Network, url: str, held: list[dict[str, str]]) -> None:
    for receipt in held:
        for _ in range(1 + network.faults.repeat_receipts):
            await network.webhooks.request(url, receipt)
    held.clear()


def _write(network: Network, sender: str, body: str, files: Sequence[File], sid: str | None) -> Message:
    message = Message(sender, network.account.number, body, "inbound", "receiving")
    message.sid = sid or new_sid("MM" if files else "SM")
    network.attachments.add(message.sid, files, network.delays.storing_media)
    message.media = tuple((one.sid, one.file.type) for one in network.attachments.of(message.sid))
    network.log.add(message)
    network.handsets.put(message)
    return message


def _keyword(body: str) -> str | None:
    return KEYWORDS.get(body.strip().upper())


def _obey(network: Network, handset: Handset, keyword: str | None) -> None:
    """What the carrier does on its own: block, unblock, and answer the handset itself."""
    if keyword is None:
        return
    if keyword != "HELP":
        handset.opted_out = keyword == "STOP"
        network.handsets.tell(handset)
    _send_back(network, handset.number, carrier_reply(keyword, network.account.number))


def _reply(network: Network, message: Message, answer: Answer) -> None:
    """Send what the gateway answered within the webhook: TwiML, or plain text, which Twilio sends as it is."""
    if not answer.accepted or not answer.text.strip():
        return
    if answer.type == "text/plain":
        _send_back(network, message.sender, answer.text.strip())
        return
    try:
        document = parse(answer.text)
    except ParseError:
        message.move("received", 12100)
        return
    for verb in document.iterfind("Message"):
        if words := "".join(_body(verb).itertext()).strip():
            _send_back(network, message.sender, words)


def _body(verb: Element) -> Element:
    """Where the words of a Message stand: in a Body, or in the verb itself."""
    found = verb.find("Body")
    return verb if found is None else found


def _send_back(network: Network, to: str, body: str) -> None:
    blocked = network.handsets.get(to).opted_out and body != carrier_reply("STOP", network.account.number)
    message = Message(network.account.number, to, body, "outbound-reply", "queued")
    network.log.add(message)
    if blocked:
        message.move("failed", 21610)
    else:
        network.spawn(carry(network, message), f"carry {message.sid}")
