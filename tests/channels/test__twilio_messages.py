"""What is read from the fields of a message: files and places, from phones that may send anything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from channels._twilio_messages import MOST_MEDIA, UNKNOWN_TYPE, media_of, place_of
from gateway.schema import Place
from gateway.schema_incoming import IncomingMedia
from tests.channels.twilio_world import ACCOUNT

SID = "MM" + "b" * 32
HOME = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media"
FIRST, SECOND = "ME" + "1" * 32, "ME" + "2" * 32


def named(name: str, kind: str = "image/jpeg", url: str = "") -> IncomingMedia:
    return IncomingMedia(name, url or f"{HOME}/{name}", kind)


# The fields, and the files read from them.
FILES: list[tuple[str, dict[str, str], list[IncomingMedia]]] = [
    ("none", {"NumMedia": "0"}, []),
    ("no count", {"MediaUrl0": f"{HOME}/{FIRST}"}, []),
    ("one", {"NumMedia": "1", "MediaUrl0": f"{HOME}/{FIRST}", "MediaContentType0": "image/jpeg"}, [named(FIRST)]),
    ("no type", {"NumMedia": "1", "MediaUrl0": f"{HOME}/{FIRST}"}, [named(FIRST, UNKNOWN_TYPE)]),
    (
        "types as they come",
        {"NumMedia": "1", "MediaUrl0": f"{HOME}/{FIRST}", "MediaContentType0": "Audio/AMR; rate=8000"},
        [named(FIRST, "audio/amr")],
    ),
    (
        "a type that is none",
        {"NumMedia": "1", "MediaUrl0": f"{HOME}/{FIRST}", "MediaContentType0": "<script>"},
        [named(FIRST, UNKNOWN_TYPE)],
    ),
    (
        "a type without end",
        {"NumMedia": "1", "MediaUrl0": f"{HOME}/{FIRST}", "MediaContentType0": "image/" + "x" * 500},
        [named(FIRST, UNKNOWN_TYPE)],
    ),
    (
        "one twice",
        {"NumMedia": "2", "MediaUrl0": f"{HOME}/{FIRST}", "MediaUrl1": f"{HOME}/{FIRST}"},
        [named(FIRST, UNKNOWN_TYPE), named(f"{SID}:1", UNKNOWN_TYPE, f"{HOME}/{FIRST}")],
    ),
    (
        "one missing",
        {"NumMedia": "2", "MediaUrl1": f"{HOME}/{SECOND}", "MediaContentType1": "image/jpeg"},
        [named(SECOND)],
    ),
    (
        "an address of another kind",
        {"NumMedia": "1", "MediaUrl0": "https://x.example/a"},
        [named(f"{SID}:0", UNKNOWN_TYPE, "https://x.example/a")],
    ),
    ("an address without end", {"NumMedia": "1", "MediaUrl0": "https://x.example/" + "a" * 2000}, []),
    *[
        (f"count {count!r}", {"NumMedia": count, "MediaUrl0": f"{HOME}/{FIRST}"}, [])
        for count in ("", "-1", "1.5", "two", "１", "99999999999999999999", "1e3", " 1")
    ],
]


@pytest.mark.parametrize(("label", "fields", "files"), FILES, ids=[row[0] for row in FILES])
def test_files(label: str, fields: dict[str, str], files: list[IncomingMedia]) -> None:
    assert list(media_of(fields, SID)) == files


def test_there_are_never_more_than_ten() -> None:
    fields = {"NumMedia": "40"} | {f"MediaUrl{n}": f"{HOME}/ME{n:032}" for n in range(40)}
    assert len(media_of(fields, SID)) == MOST_MEDIA


PLACES: list[tuple[dict[str, str], Place]] = [
    ({}, Place()),
    ({"Latitude": "30.2741", "Longitude": "120.1551"}, Place(None, 30.2741, 120.1551)),
    ({"Latitude": "-33.9", "Longitude": "+18.4", "Label": "Pier"}, Place("Pier", -33.9, 18.4)),
    (
        {"Latitude": "1", "Longitude": "2", "Label": "Pier", "Address": "Dock Road 1"},
        Place("Pier, Dock Road 1", 1.0, 2.0),
    ),
    ({"Latitude": "1", "Longitude": "2", "Label": "Pier", "Address": "Pier"}, Place("Pier", 1.0, 2.0)),
    ({"Address": "Dock Road 1"}, Place("Dock Road 1")),
    ({"Latitude": "91", "Longitude": "2", "Label": "Moon"}, Place("Moon")),
    ({"Latitude": "1", "Longitude": "180.1"}, Place()),
    ({"Latitude": "1"}, Place()),
    ({"Latitude": "nan", "Longitude": "2"}, Place()),
    ({"Latitude": "1e1", "Longitude": "2"}, Place()),
    ({"Latitude": "inf", "Longitude": "inf"}, Place()),
    ({"Latitude": "1", "Longitude": "2" * 400}, Place()),
    ({"Label": "x" * 999}, Place("x" * 200)),
]


@pytest.mark.parametrize(("fields", "place"), PLACES, ids=range(len(PLACES)))
def test_places(fields: dict[str, str], place: Place) -> None:
    assert place_of(fields) == place


NAMES = ["NumMedia", "MediaUrl0", "MediaUrl1", "MediaContentType0", "Latitude", "Longitude", "Label", "Address"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40) | st.from_regex(r"-?[0-9]{1,6}(\.[0-9]+)?")))
def test_no_fields_make_reading_fail(fields: dict[str, Any]) -> None:
    files, place = media_of(MultiDict(fields), SID), place_of(MultiDict(fields))
    assert len({file.external_id for file in files}) == len(files) <= MOST_MEDIA
    assert place.lat is None or -90 <= place.lat <= 90
    assert (place.lat is None) == (place.lon is None)
