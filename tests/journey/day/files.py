"""The files that people send, made small and by code; by the name each has in the scenes."""

import functools
from collections.abc import Callable

from tests.journey.test_media import SPOKEN, film, photo_taken, recorded
from tests.journey.test_photos import full_of_metadata, heic, picture, written

TOO_LARGE = 20_971_521

# How each is made, and what its sender claims it to be.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "photo.jpg": (lambda: written(picture(), "JPEG"), "image/jpeg"),
    "photo-with-place.jpg": (photo_taken, "image/jpeg"),
    "drawing.png": (lambda: written(picture(), "PNG"), "image/png"),
    "cartoon.gif": (lambda: written(picture(), "GIF"), "image/gif"),
    "iphone.heic": (heic, "image/heic"),
    "cut-off.jpg": (lambda: full_of_metadata()[:-300], "image/jpeg"),
    "page-named.jpg": (lambda: b"<html><body>Not found</body></html>", "image/jpeg"),
    "drawing.svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "image/svg+xml"),
    "card.vcf": (lambda: b"BEGIN:VCARD\nEND:VCARD", "text/x-vcard"),
    "empty.jpg": (lambda: b"", "image/jpeg"),
    "enormous.jpg": (lambda: b"\xff\xd8\xff" + bytes(TOO_LARGE), "image/jpeg"),
    "film.mp4": (film, "video/mp4"),
    "photo-named.amr": (lambda: written(picture(), "JPEG"), "audio/amr"),
    "spoken.wav": (SPOKEN.read_bytes, "audio/x-wav"),
    "spoken.ogg": (lambda: recorded("ogg", "libopus"), "audio/ogg"),
    "silence.amr": (lambda: b"#!AMR\n" + (b"\x3c" + bytes(31)) * 50, "audio/amr"),
    "noise.wav": (lambda: b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(20), "audio/wav"),
}


def claimed(name: str) -> str:
    """The type a carrier tells for a file."""
    return FILES[name][1]


@functools.cache
def made(name: str) -> tuple[bytes, str]:
    """A file and the type that is claimed for it."""
    make, kind = FILES[name]
    return make(), kind
