"""A stranger's recording becomes plain sound, within bounds, or is refused with a reason.

FFmpeg does the decoding, so this runs in a worker process (`gateway.workers`), never in the gateway's own. The bytes
decide what a file is, not its name or its claimed type. Only containers that carry their sound in themselves are
opened: a playlist could make FFmpeg read our files or call our network.
"""

import functools
import io
import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import EverylineError
from gateway.workers import memory_bound

if TYPE_CHECKING:
    from av import AudioStream
    from av.container import InputContainer

RATE = 16_000
# FFmpeg's names of demuxers: what carriers, browsers and chat programs record in.
CONTAINERS = "wav,mp3,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,amr,flac,aac"
# FFmpeg's names of decoders: no others run, also where it looks into a file to learn what it holds. So no picture is
# ever decoded here, however large.
CODECS = {
    *("aac", "alac", "amrnb", "amrwb", "flac", "gsm", "gsm_ms", "libopencore_amrnb", "libopencore_amrwb", "libopus"),
    *("mp3", "mp3float", "opus", "pcm_alaw", "pcm_f32le", "pcm_mulaw", "pcm_s16be", "pcm_s16le", "pcm_s24le"),
    *("pcm_s32le", "pcm_u8", "vorbis"),
}
# More than any recording has; each costs memory before it is known to be empty.
STREAMS = 16
OPTIONS = {"format_whitelist": CONTAINERS, "codec_whitelist": ",".join(sorted(CODECS)), "max_streams": str(STREAMS)}
SOURCE_RATES = range(4_000, 192_001)
SOURCE_CHANNELS = range(1, 9)
# A file may fall this far short of what its header claims, or have this share of broken packets, and still count.
TOLERANCE = 0.05
# Into how many steps the picture of a sound is cut.
PEAKS = 240
# Loudness of the floor that `dither` lays, in sample steps: far below the hiss of any telephone.
_FLOOR = 8
# Sizes from here on (and 0) are what programs write that stream a WAV and cannot know its length.
_WAV_UNKNOWN = 0x7FFF_0000
_OGG_LAST_PAGE = 0x04


class BadAudio(EverylineError):
    """The recording cannot be used; the message says why and holds nothing of its content."""

    status = 422
    title = "Unusable recording"


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound as recognition needs it: one channel of signed 16-bit little-endian samples, `rate` a second."""

    pcm: bytes
    rate: int
    seconds: float


def decode(data: bytes | Path, *, rate: int = RATE, max_seconds: float, max_bytes: int) -> Audio:
    """Decode a recording (its bytes or its file) to mono at `rate` samples a second.

    Raises `BadAudio` for what is empty, larger than `max_bytes`, longer than `max_seconds`, not sound, or cut off.
    """
    import av  # 100 MB of libraries, wanted in workers only

    data = _bounded(data, max_bytes)
    try:
        with memory_bound(), av.open(io.BytesIO(data), "r", options=OPTIONS) as container:
            stream = _only_stream(container)
            pcm = _resampled(container, stream, rate, max_seconds)
            claimed = _claimed_seconds(container, stream)
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise BadAudio("this is not a recording that can be read") from error
    seconds = len(pcm) / 2 / rate
    if not pcm:
        raise BadAudio("there is no sound in this recording")
    if _cut_off(data) or seconds < claimed * (1 - TOLERANCE) - 0.1:
        raise BadAudio("the recording is cut off: it holds less than it claims")
    return Audio(pcm, rate, seconds)


def peaks(pcm: bytes) -> tuple[int, ...]:
    """How loud mono 16-bit sound is from one end to the other: `PEAKS` steps (less of very short sound), 0 to 100."""
    samples = array("h", pcm[: len(pcm) // 2 * 2])
    number = min(PEAKS, len(samples))
    edges = [len(samples) * step // number for step in range(number + 1)] if number else []
    loudest = [max(max(part), -min(part)) for a, b in pairwise(edges) if (part := samples[a:b])]
    return tuple(round(one * 100 / 32768) for one in loudest)


def peaks_of(data: bytes | Path, max_seconds: float, max_bytes: int) -> tuple[int, ...]:
    """The same of a recording, of which nothing else is asked. Raises `BadAudio` as `decode`."""
    return peaks(decode(data, rate=8000, max_seconds=max_seconds, max_bytes=max_bytes).pcm)


def is_film(data: bytes | Path, *, max_bytes: int) -> bool:
    """Whether a file holds moving pictures; the picture on a record's cover is none. Raises `BadAudio` for no sound."""
    import av

    try:
        with memory_bound(), av.open(io.BytesIO(_bounded(data, max_bytes)), "r", options=OPTIONS) as container:
            moving = [
                one for one in container.streams.video if not one.disposition & av.stream.Disposition.attached_pic
            ]
            if not moving and not container.streams.audio:
                raise BadAudio("there is no sound in this file")
            return bool(moving)
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise BadAudio("this is not a recording that can be read") from error


def dither(pcm: bytes) -> bytes:
    """Lay a faint, always equal floor of noise under mono 16-bit sound, for recognition.

    Telephone networks send exact zeros between sentences. Models never met those and hear a word where the sound sets
    in again: a house number 27 followed by a pause became 272. The lowest bits are turned over, all of a piece in one
    go, as live calls need this fifty times a second. Best given a second or less at a time.
    """
    return (int.from_bytes(pcm, "little") ^ _floor(len(pcm))).to_bytes(len(pcm), "little")


def _bounded(data: bytes | Path, max_bytes: int) -> bytes:
    if isinstance(data, Path):
        with data.open("rb") as file:
            data = file.read(max_bytes + 1)
    if not data:
        raise BadAudio("the recording is empty")
    if len(data) > max_bytes:
        raise BadAudio(f"the recording is larger than {max_bytes} bytes")
    return data


def _only_stream(container: "InputContainer") -> "AudioStream":
    """The first sound of a file, if its numbers are possible ones."""
    if not container.streams.audio:
        raise BadAudio("there is no sound in this file")
    stream = container.streams.audio[0]
    if stream.codec_context is None or stream.codec_context.codec.name not in CODECS:
        raise BadAudio("the sound is coded in an unknown way")
    if stream.rate not in SOURCE_RATES or stream.channels not in SOURCE_CHANNELS:
        raise BadAudio("the recording claims an impossible sample rate or number of channels")
    return stream


def _resampled(container: "InputContainer", stream: "AudioStream", rate: int, max_seconds: float) -> bytes:
    pcm = bytearray()
    for piece in _pieces(container, stream, rate):
        pcm += piece
        if len(pcm) > max_seconds * rate * 2:
            raise BadAudio(f"the recording is longer than {max_seconds:g} seconds")
    return bytes(pcm)


def _pieces(container: "InputContainer", stream: "AudioStream", rate: int) -> Iterator[bytes]:
    """Decoded and resampled sound, piece by piece, over single broken packets."""
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    packets = broken = 0
    for packet in container.demux(stream):
        packets += 1
        try:
            frames = packet.decode()
        except av.FFmpegError:
            broken += 1
            continue
        for frame in frames:
            for out in resampler.resample(frame):
                yield bytes(out.planes[0])[: out.samples * 2]  # a plane is padded beyond its samples
    if broken > 1 and broken > packets * TOLERANCE:
        raise BadAudio("too much of the recording is damaged")
    if packets > broken:
        for out in resampler.resample(None):
            yield bytes(out.planes[0])[: out.samples * 2]


def _claimed_seconds(container: "InputContainer", stream: "AudioStream") -> float:
    """What the header says, or 0 when it does not (browsers record WebM so)."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000


def _cut_off(data: bytes) -> bool:
    """Whether a WAV or Ogg ends before its end; FFmpeg takes the length of these two from what is there."""
    if data.startswith(b"RIFF"):
        claimed = int.from_bytes(data[4:8], "little")
        return claimed < _WAV_UNKNOWN and len(data) < claimed * (1 - TOLERANCE)
    if data.startswith(b"OggS"):
        flags = data[data.rindex(b"OggS") :][5:6]
        return not flags or not flags[0] & _OGG_LAST_PAGE
    return False


@functools.lru_cache(maxsize=8)
def _floor(length: int) -> int:
    """Which bits are turned over: the lowest of each sample, by chance."""
    dice = random.Random(length)
    return int.from_bytes(array("H", (dice.randrange(_FLOOR) for _ in range(length // 2))).tobytes(), "little")
