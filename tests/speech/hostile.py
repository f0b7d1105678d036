"""Sound and what pretends to be, made to break whoever opens it."""

import functools
import io
import struct
from collections.abc import Callable, Mapping
from typing import Any

import av

from tests.speech.encoding import DEMO, FORMATS, encoded

SPOKEN = (DEMO / "en/utterances/006-en-pedro-16k.wav").read_bytes()
_OPUS_RATE = 48_000


def wav(
    data: bytes = bytes(32_000),
    *,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    coding: int = 1,
    claims: int | None = None,
) -> bytes:
    """A WAV whose header may lie; `claims` bytes of sound."""
    size = len(data) if claims is None else claims
    block = channels * bits // 8
    shape = struct.pack("<IHHIIHH", 16, coding, channels, rate, rate * block % 2**32, block % 2**16, bits)
    riff = b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVEfmt "
    return riff + shape + b"data" + struct.pack("<I", size) + data


def hours(seconds: int) -> bytes:
    """Silence of any length as Opus in Ogg: two bytes for each 120 ms, and one more for their length."""
    packet, each = b"\xfb\x06", 5_760  # six frames of nothing
    number = seconds * _OPUS_RATE // each
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, _OPUS_RATE, 0, 0)
    pages = [_page(2, 0, 0, [head]), _page(0, 0, 1, [b"OpusTags" + bytes(8)])]
    for done in range(0, number, 255):
        packets = [packet] * min(255, number - done)
        end = done + len(packets)
        pages.append(_page(4 if end == number else 0, end * each, len(pages), packets))
    return b"".join(pages)


def _page(flags: int, position: int, number: int, packets: list[bytes]) -> bytes:
    lengths = bytes(map(len, packets))
    head = b"OggS\0" + struct.pack("<BqIIIB", flags, position, 7, number, 0, len(packets))
    page = head + lengths + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(data: bytes) -> int:
    """Ogg's: CRC-32, neither reflected nor inverted."""
    check = 0
    for byte in data:
        check = ((check << 8) & 0xFFFFFFFF) ^ _TABLE[(check >> 24) ^ byte]
    return check


def _entry(value: int) -> int:
    for _ in range(8):
        value = ((value << 1) ^ 0x04C11DB7) & 0xFFFFFFFF if value & 0x80000000 else value << 1
    return value


_TABLE = [_entry(number << 24) for number in range(256)]


def streams(number: int) -> bytes:
    """One file with many sounds in it."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        made: list[Any] = [out.add_stream("libopus", rate=_OPUS_RATE, layout="mono") for _ in range(number)]
        for stream in made:
            frame = av.AudioFrame(format=stream.codec_context.format.name, layout="mono", samples=960)
            frame.sample_rate = _OPUS_RATE
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return file.getvalue()


def pictures(side: int, *, sound: bool) -> bytes:
    """A film of one picture, `side` pixels wide and high, that packs to next to nothing."""
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as out:
        stream: Any = out.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = side, side, "gray"
        voice: Any = out.add_stream("aac", rate=44_100, layout="mono") if sound else None
        picture = av.VideoFrame(side, side, "gray")
        picture.planes[0].update(bytes(picture.planes[0].buffer_size))
        out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
        if voice:
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1_024)
            frame.sample_rate = 44_100
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            out.mux(voice.encode(frame))
            out.mux(voice.encode(None))
    return file.getvalue()


PLAYLISTS: Mapping[str, bytes] = {
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "pls": b"[playlist]\nFile1=http://127.0.0.1:9/\nNumberOfEntries=1\n",
    "in a wav's clothes": b"RIFF\x24\x10\0\0WAVE#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
}
# Made when asked for: some take a moment.
FILES: Mapping[str, Callable[[], bytes]] = {
    "ten hours in a megabyte": lambda: hours(36_000),
    "cut off": lambda: SPOKEN[: len(SPOKEN) // 2],
    "cut off in its header": lambda: SPOKEN[:30],
    "mp3 cut off": lambda: encoded(SPOKEN, FORMATS["mp3"])[:4_000],
    "webm of noise": lambda: b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 40,
    "of no sound": lambda: wav(b""),
    "claims gigabytes": lambda: wav(claims=2_000_000_000),
    "claims 65,535 channels": lambda: wav(channels=65_535),
    "claims 2 GHz": lambda: wav(rate=2_000_000_000),
    "claims no rate": lambda: wav(rate=0),
    "claims a coding nobody knows": lambda: wav(coding=0x7777),
    "a picture of 144 million points": lambda: pictures(12_000, sound=False),
    "a picture of 144 million points with sound": lambda: pictures(12_000, sound=True),
    "three hundred sounds": lambda: streams(300),
    **{f"a playlist: {name}": functools.partial(bytes, data) for name, data in PLAYLISTS.items()},
}
