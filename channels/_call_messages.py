"""What a caller said or marked, as the messages that the gateway takes."""

import json

from channels._call_state import Call
from channels._call_steps import Step
from channels._turn import Said
from gateway import clock
from gateway.schema import Kind
from gateway.schema_incoming import Incoming


def report(call: Call, said: Said) -> Incoming:
    """What a caller said as a message: a report, or what only staff may know, when he asks to be called back."""
    return Incoming(
        channel=call.channel,
        external_id=said.media.external_id if said.media else f"{call.id}:{call.kept}",
        text=said.text or "" if said.media is None else "",
        received_at=clock.now(),
        address=call.address,
        line=call.line,
        kind=Kind.QUESTION if call.asks_back else Kind.REPORT,
        language=call.language,
        private=call.asks_back,
        own_voice=call.own_voice,
        thread=call.ticket if call.step is Step.WHERE else call.about,
        answers_where=call.step is Step.WHERE,
        media=(said.media,) if said.media else (),
        commands=False,
        raw=(said.raw or json.dumps({"call": call.id})).encode(),
    )


def mark(call: Call, number: str) -> Incoming:
    """What a caller thinks of the answer he heard, as the message that says so."""
    return Incoming(
        channel=call.channel,
        external_id=f"{call.id}:mark:{call.asked}",
        text=f"MARK {call.asked} {number}",
        received_at=clock.now(),
        address=call.address,
        line=call.line,
        language=call.language,
        carrier_replied=True,
        raw=json.dumps({"call": call.id}).encode(),
    )
