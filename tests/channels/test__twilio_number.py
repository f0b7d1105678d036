"""What to change at Twilio so that our number's messages and calls reach us, and are repeated when they do not."""

from types import SimpleNamespace
from typing import Any

import pytest

from channels._twilio_number import RETRIES, Entrance, advice

URL = "https://city.example/hooks/sms_twilio/inbound"
SMS = Entrance("sms", "A message comes in", "/hooks/sms_twilio/inbound")
VOICE = Entrance("voice", "A call comes in", "/hooks/voice_twilio/answer")
GOOD = {"sms_url": URL + RETRIES, "sms_method": "POST", "sms_fallback_url": URL, "sms_fallback_method": "POST"}

# What differs from a number set up well, and the beginnings of what is said.
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("all is well", {}, []),
    ("other words for the retries", {"sms_url": URL + "#ct=2000&rc=1&rp=5xx,ct,rt"}, []),
    ("the port written out", {"sms_url": URL.replace(".example", ".example:443") + RETRIES}, []),
    ("the fallback with a fragment", {"sms_fallback_url": URL + "#rc=2"}, []),
    ("calls are another matter", {"voice_url": "https://demo.twilio.com/welcome", "trunk_sid": "TK1"}, []),
    ("no retries", {"sms_url": URL}, ["let Twilio repeat"]),
    ("retries of nothing", {"sms_url": URL + "#rc=0&rp=all"}, ["let Twilio repeat"]),
    ("retries of lost connections alone", {"sms_url": URL + "#rc=3"}, ["let Twilio repeat"]),
    ("Twilio's own page", {"sms_url": "https://demo.twilio.com/welcome/sms/reply"}, ["set at Twilio, for the number"]),
    ("nothing", {"sms_url": ""}, ["set at Twilio, for the number"]),
    ("not even a field", {"sms_url": None}, ["set at Twilio, for the number"]),
    ("not encrypted", {"sms_url": URL.replace("https", "http") + RETRIES}, ["set at Twilio, for the number"]),
    ("a slash more", {"sms_url": URL + "/" + RETRIES}, ["set at Twilio, for the number"]),
    ("no address at all", {"sms_url": "http://["}, ["set at Twilio, for the number"]),
    ("by GET", {"sms_method": "GET"}, ["set at Twilio, for the number"]),
    ("no fallback", {"sms_fallback_url": ""}, ["set at Twilio 'Primary handler fails'"]),
    ("a fallback by GET", {"sms_fallback_method": "GET"}, ["set at Twilio 'Primary handler fails'"]),
    (
        "nothing is right",
        {"sms_url": "", "sms_fallback_url": ""},
        ["set at Twilio, for the number", "set at Twilio 'Primary handler fails'"],
    ),
    ("an app has it", {"sms_application_sid": "AP1"}, ["an app or trunk has the number"]),
]


@pytest.mark.parametrize(("label", "changes", "said"), CASES, ids=[row[0] for row in CASES])
def test_what_is_to_be_set(label: str, changes: dict[str, Any], said: list[str]) -> None:
    sentences = advice(SimpleNamespace(**GOOD | changes), SMS, URL)
    assert len(sentences) == len(said)
    for sentence, beginning in zip(sentences, said, strict=True):
        assert sentence.startswith(beginning)
        assert URL in sentence


def test_a_trunk_takes_the_calls_away() -> None:
    number = SimpleNamespace(voice_url=URL, voice_method="POST", trunk_sid="TK1")
    assert advice(number, VOICE, URL)[0].startswith("an app or trunk has the number")
