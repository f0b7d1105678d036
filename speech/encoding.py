"""Speech becomes one MP3 file of constant bit rate, with its chapters, or the frames of it for a continuous stream.

FFmpeg does the encoding, so `record` runs in a worker process. The numbers are chosen so that each frame has the same
length in bytes (MPEG-2 layer III, 24 kHz, 48 kbit/s, one channel) and, without a bit reservoir, needs no other frame:
whole files can be sent behind each other, and cut between any two frames.
"""

import io
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from speech.audio import BadAudio, decode

TYPE = "audio/mpeg"
RATE = 24_000
BIT_RATE = 48_000
FRAME_SAMPLES = 576
FRAME_SECONDS = FRAME_SAMPLES / RATE
FRAME_BYTES = FRAME_SAMPLES * BIT_RATE // 8 // RATE
# One frame in which nothing is heard: a header, and no bit of sound behind it.
SILENCE = bytes((0xFF, 0xF3, 0x64, 0xC4)).ljust(FRAME_BYTES, b"\0")
# Seconds of nothing between the pieces of a part, and between parts.
BREATH, PAUSE = 0.25, 0.8
# How loud a recording is made at its loudest, of 32768: as a synthetic voice is.
_LOUDEST = 23_000
_MOST_GAIN = 8.0
# The sign of the radio: these notes (in Hz), each for so many seconds.
_NOTES, _NOTE_SECONDS, _NOTE_LOUDNESS = (523.25, 659.25, 783.99), 0.32, 7000
_ID3 = b"ID3"
_ID3_HEAD = 10
_STEP = RATE * 2


@dataclass(frozen=True, slots=True)
class Recording:
    """A caller's own recording as it lies on disk, to be heard for at most so many seconds.

    `otherwise` is heard in its place when it cannot be used.
    """

    path: Path
    otherwise: bytes
    seconds: float
    max_seconds: float
    max_bytes: int


# Mono 16-bit samples at `RATE`, or a recording to be made so.
Piece = bytes | Recording


@dataclass(frozen=True, slots=True)
class Recorded:
    """An MP3 file, how long it is in seconds, and where each of its parts begins."""

    data: bytes
    seconds: float
    starts: tuple[float, ...]


def record(parts: Sequence[Sequence[Piece]], names: Sequence[str], title: str, artist: str) -> Recorded:
    """Put parts behind each other, with the sign of the radio before them, as one file with a chapter for each."""
    pcm, starts = bytearray(chime()), []
    for part in parts:
        starts.append(len(pcm) / 2 / RATE)
        pcm += _silence(BREATH).join(_sound(piece) for piece in part) + _silence(PAUSE)
    seconds = len(pcm) / 2 / RATE
    return Recorded(_encoded(bytes(pcm), title, artist, _chapters(starts, seconds, names)), seconds, tuple(starts))


def frames(data: bytes) -> bytes:
    """The frames of a file of ours, without what stands before them, whole ones only."""
    begin = 0
    if data.startswith(_ID3):
        size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]  # seven bits of each byte count
        begin = _ID3_HEAD + size
    return data[begin : begin + (len(data) - begin) // FRAME_BYTES * FRAME_BYTES]


def chime() -> bytes:
    """The sign of the radio, as samples."""
    notes = array("h")
    for note in _NOTES:
        for step in range(int(RATE * _NOTE_SECONDS)):
            at = step / RATE
            fading = math.exp(-at * 7) * min(1.0, at * 200)
            notes.append(round(_NOTE_LOUDNESS * fading * math.sin(2 * math.pi * note * at)))
    return notes.tobytes() + _silence(PAUSE / 2)


def _silence(seconds: float) -> bytes:
    return bytes(int(RATE * seconds) * 2)


def _sound(piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return piece
    try:
        heard = decode(piece.path, rate=RATE, max_seconds=piece.max_seconds, max_bytes=piece.max_bytes)
    except (BadAudio, OSError):
        return piece.otherwise
    return _levelled(heard.pcm[: int(piece.seconds * RATE) * 2])


def _levelled(pcm: bytes) -> bytes:
    """As loud as all else, but what is nearly silent is not blown up to noise."""
    samples = array("h", pcm)
    loudest = max((abs(sample) for sample in samples), default=0)
    gain = min(_LOUDEST / loudest, _MOST_GAIN) if loudest else 1.0
    return array("h", (int(sample * gain) for sample in samples)).tobytes()


def _chapters(starts: Sequence[float], seconds: float, names: Sequence[str]) -> Iterable[tuple[int, int, str]]:
    """Begin and end in milliseconds, and the name, of each."""
    moments = [round(start * 1000) for start in (*starts, seconds)]
    return list(zip(moments, moments[1:], names, strict=False))


def _encoded(pcm: bytes, title: str, artist: str, chapters: Iterable[tuple[int, int, str]]) -> bytes:
    import av  # 100 MB of libraries, wanted in workers only

    file = io.BytesIO()
    # No frame that tells the length: the bit rate does, and in a stream it would be heard as a gap.
    with av.open(file, "w", format="mp3", options={"write_xing": "0"}) as container:
        container.metadata.update({"title": title, "artist": artist})
        milliseconds = Fraction(1, 1000)
        container.set_chapters(
            [
                {"id": number, "start": begin, "end": end, "time_base": milliseconds, "metadata": {"title": name}}
                for number, (begin, end, name) in enumerate(chapters)
            ]
        )
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", options={"reservoir": "0"})
        stream.bit_rate = BIT_RATE
        for begin in range(0, len(pcm), _STEP):
            piece = pcm[begin : begin + _STEP]
            frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece) // 2)
            frame.sample_rate, frame.pts = RATE, begin // 2
            frame.planes[0].update(piece)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
