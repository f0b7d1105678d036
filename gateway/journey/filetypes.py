"""What a file is, by how it begins: what senders claim is never believed. Pure.

Only what is taken is known here; anything else (a page, an SVG, a program) is no type at all.
"""

import importlib.util

PHOTO, SOUND = "image/", "audio/"
# The shortest beginning that tells every type.
HEAD = 64
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
# Containers that hold films as well as sound: only a look inside tells.
DOUBTFUL = ("audio/mp4", "audio/webm", "audio/ogg")
# What only the optional library for iPhones' photos opens.
NEEDS_HEIF = "image/heic"


def recognise(head: bytes) -> str | None:
    """The type of a file that begins so, or None for what is not taken."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _boxed(head)
    return _framed(head)


def is_photo(kind: str) -> bool:
    """Whether a type is a picture's."""
    return kind.startswith(PHOTO)


def can_show(kind: str) -> bool:
    """Whether this installation can open a picture of this type."""
    return kind != NEEDS_HEIF or importlib.util.find_spec("pillow_heif") is not None


def _boxed(head: bytes) -> str:
    """Photos of newer telephones and most recordings share one container; its brands tell them apart."""
    length = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(length, len(head)), 4))]
    if any(brand in _AVIF for brand in brands):
        return "image/avif"
    return "image/heic" if any(brand in _HEIC for brand in brands) else "audio/mp4"


def _framed(head: bytes) -> str | None:
    """MP3 and AAC without a header of their own: each frame begins with eleven or twelve set bits."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    layer, version, bitrate, rate = head[1] & 0x06, head[1] & 0x18, head[2] & 0xF0, head[2] & 0x0C
    return "audio/mpeg" if layer and version != 0x08 and bitrate != 0xF0 and rate != 0x0C else None
