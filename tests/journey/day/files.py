"""The files that people send, made small and by code; by the name each has in the scenes."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image

SPOKEN = Path(__file__).parents[3] / "gateway/simulator/demo_speech/en/utterances/001-en-f4-16k.wav"


def _picture(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (120, 80, 40)).save(out, form)
    return out.getvalue()


# How each is made, and what its sender claims it to be.
FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "photo.jpg": (lambda: _picture("JPEG"), "image/jpeg"),
    "spoken.wav": (SPOKEN.read_bytes, "audio/wav"),
}


def claimed(name: str) -> str:
    """The type a carrier tells for a file."""
    return FILES[name][1]


@cache
def made(name: str) -> tuple[bytes, str]:
    """A file and the type that is claimed for it."""
    make, kind = FILES[name]
    return make(), kind
