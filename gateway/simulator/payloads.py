"""What the carrier tells the gateway in each webhook: all parameters Twilio sends, blank ones too.

https://www.twilio.com/docs/messaging/guides/webhook-request, /docs/voice/twiml#request-parameters and
/docs/voice/twiml/record
"""

from email.utils import format_datetime

from gateway.simulator.account import API_VERSION, Account
from gateway.simulator.caller import CallLog
from gateway.simulator.messages import Message
from gateway.simulator.recordings import Recording
from gateway.simulator.segments import count_segments

# Where a number is, as far as the carrier knows: here, the country alone.
COUNTRY = "CN"


def inbound_text(message: Message, account: Account, api_url: str, keyword: str | None) -> dict[str, str]:
    """A text has come in. `keyword` is what Advanced Opt-Out made of it."""
    told = {
        **_places("From", "To"),
        "AccountSid": account.sid,
        "ApiVersion": API_VERSION,
        "Body": message.body,
        "From": message.sender,
        "MessageSid": message.sid,
        "NumMedia": str(len(message.media)),
        "NumSegments": str(count_segments(message.body)),
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "To": message.to,
    }
    for number, (sid, kind) in enumerate(message.media):
        told[f"MediaUrl{number}"] = f"{api_url}{account.path}/Messages/{message.sid}/Media/{sid}"
        told[f"MediaContentType{number}"] = kind
    return {**told, "OptOutType": keyword} if keyword else told


def receipt(message: Message, account: Account) -> dict[str, str]:
    """A message of the gateway has come further."""
    told = {
        "AccountSid": account.sid,
        "ApiVersion": API_VERSION,
        "From": message.sender,
        "MessageSid": message.sid,
        "MessageStatus": message.status,
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "To": message.to,
    }
    if message.service:
        told["MessagingServiceSid"] = message.service
    if message.error:
        told["ErrorCode"] = str(message.error)
    return told


def call(log: CallLog, account: Account, status: str) -> dict[str, str]:
    """A call asks for its next document."""
    return {
        **_places("From", "To", "Caller", "Called"),
        "AccountSid": account.sid,
        "ApiVersion": API_VERSION,
        "CallSid": log.sid,
        "CallStatus": status,
        "Called": log.to,
        "Caller": log.sender,
        "Direction": "outbound-api" if log.placed else "inbound",
        "From": log.sender,
        "To": log.to,
    }


def recording_status(recording: Recording, account: Account, url: str, status: str) -> dict[str, str]:
    """A recording is ready (`completed`) or came to nothing (`absent`); who called is not told."""
    absent = status == "absent"
    return {
        "AccountSid": account.sid,
        "CallSid": recording.call_sid,
        "RecordingSid": recording.sid,
        "RecordingUrl": "" if absent else url,
        "RecordingStatus": status,
        "RecordingDuration": "0" if absent else str(recording.duration),
        "RecordingChannels": "1",
        "RecordingStartTime": format_datetime(recording.started),
        "RecordingSource": "RecordVerb",
        "RecordingTrack": "both",
        "ErrorCode": "0",
    }


def _places(*ends: str) -> dict[str, str]:
    blank = {f"{end}{part}": "" for end in ends for part in ("City", "State", "Zip")}
    return {**blank, **{f"{end}Country": COUNTRY for end in ends}}
