"""Every kind of recording carriers and browsers send, and every way a file can disappoint."""

import contextlib
import io
import random
import struct
from pathlib import Path

import av
import pytest

from speech.audio import Audio, BadAudio, decode, dither

UTTERANCES = Path(__file__).parents[2] / "gateway/simulator/demo_speech/en/utterances"
WAV_16K = (UTTERANCES / "000-en-us-m4-16k.wav").read_bytes()
WAV_8K = (UTTERANCES / "000-en-us-m4-8k.wav").read_bytes()
SECONDS = 4.58
# Container, codec, sample rate.
KINDS = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "mu-law wav": ("wav", "pcm_mulaw", 8_000),
    "a-law wav": ("wav", "pcm_alaw", 8_000),
    "mp3": ("mp3", "libmp3lame", 22_050),
    "opus in ogg": ("ogg", "libopus", 48_000),
    "opus in webm": ("webm", "libopus", 48_000),
    "aac in mp4": ("mp4", "aac", 44_100),
    "flac": ("flac", "flac", 16_000),
}


def encoded(kind: str, layout: str = "mono") -> bytes:
    container, codec, rate = KINDS[kind]
    file = io.BytesIO()
    with av.open(io.BytesIO(WAV_16K), "r") as source, av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def wav(
    data: bytes = bytes(32_000),
    *,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    coding: int = 1,
    claims: int | None = None,
) -> bytes:
    size = len(data) if claims is None else claims
    block = channels * bits // 8
    shape = struct.pack("<IHHIIHH", 16, coding, channels, rate, rate * block % 2**32, block % 2**16, bits)
    riff = b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVEfmt "
    return riff + shape + b"data" + struct.pack("<I", size) + data


def read(data: bytes | Path, *, max_seconds: float = 60, max_bytes: int = 2_000_000) -> Audio:
    return decode(data, max_seconds=max_seconds, max_bytes=max_bytes)


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_the_same_plain_sound(kind: str, layout: str) -> None:
    audio = read(encoded(kind, layout))
    assert audio.rate == 16_000
    assert audio.seconds == pytest.approx(SECONDS, abs=0.15)
    assert len(audio.pcm) == round(audio.seconds * 16_000) * 2
    assert loudness(audio.pcm) == pytest.approx(
        loudness(WAV_16K[44:]), rel=0.4
    )  # some encoders halve the power of a doubled channel


def loudness(pcm: bytes) -> float:
    samples = memoryview(pcm).cast("h")
    return float(sum(map(abs, samples)) / len(samples))


def test_plain_wav_is_not_altered() -> None:
    assert read(WAV_16K).pcm == WAV_16K[44:]


def test_an_8_khz_file_is_resampled_and_lasts_as_long(tmp_path: Path) -> None:
    file = tmp_path / "any name.mp3"
    file.write_bytes(WAV_8K)
    assert read(file).seconds == pytest.approx(SECONDS, abs=0.01)
    assert decode(WAV_8K, rate=8_000, max_seconds=60, max_bytes=2_000_000).pcm == WAV_8K[44:]


@pytest.mark.parametrize("claims", [0, 2**32 - 1, 2**31 - 1])
def test_a_streamed_wav_need_not_know_its_length(claims: int) -> None:
    assert read(wav(claims=claims)).seconds == pytest.approx(1)


@pytest.mark.parametrize("seconds", [4.6, 60])
def test_the_limit_itself_is_allowed(seconds: float) -> None:
    assert read(WAV_16K, max_seconds=seconds, max_bytes=len(WAV_16K)).seconds == pytest.approx(SECONDS)


PLAYLISTS = {
    "m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
}
UNUSABLE = {
    "empty": (b"", "empty"),
    "html": (b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>" * 30, "cannot|can be read"),
    "html in a wav's clothes": (b"RIFF\x00\x10\x00\x00WAVE<!DOCTYPE html><html>" * 30, "."),
    "json": (b'{"code": 20404, "message": "not found"}', "can be read"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(300), "can be read"),
    "text": ("路灯坏了".encode() * 50, "can be read"),
    "zeros": (bytes(5_000), "can be read|no sound"),
    "header only": (WAV_16K[:44], "."),
    "half a header": (WAV_16K[:20], "."),
    "no samples": (wav(b""), "no sound"),
    "claims more than it holds": (wav(claims=100_000_000), "cut off"),
    "rate 0": (wav(rate=0), "."),
    "rate 1": (wav(rate=1), "impossible"),
    "rate 2^31": (wav(rate=2**31 - 1), "impossible"),
    "64 channels": (wav(channels=64), "impossible"),
    "0 channels": (wav(channels=0), "."),
    "unknown coding": (wav(coding=0x1234), "unknown way"),
    **{f"playlist {name}": (data, "can be read") for name, data in PLAYLISTS.items()},
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_recording_is_refused_with_a_reason(case: str, tmp_path: Path) -> None:
    data, reason = UNUSABLE[case]
    with pytest.raises(BadAudio, match=reason):
        read(data)
    file = tmp_path / "recording.wav"
    file.write_bytes(data)
    with pytest.raises(BadAudio, match=reason):
        read(file)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "opus in webm"])
def test_a_file_cut_off_on_its_way_is_refused(kind: str, share: float) -> None:
    data = encoded(kind)
    with pytest.raises(BadAudio):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_refused_whatever_it_looks_like(seed: int) -> None:
    dice = random.Random(seed)
    for start in (b"", WAV_16K[:12], b"ID3\x04\x00", b"OggS\x00\x02", b"\x1a\x45\xdf\xa3", b"fLaC", b"#!AMR\n"):
        with pytest.raises(BadAudio):
            read(start + dice.randbytes(3_000))


@pytest.mark.parametrize("kind", KINDS)
def test_damage_within_a_file_is_refused_or_heard_but_never_an_error(kind: str) -> None:
    whole = encoded(kind)
    for seed in range(15):
        dice = random.Random(seed)
        data = bytearray(whole)
        for _ in range(dice.choice((1, 10, 300))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        with contextlib.suppress(BadAudio):
            assert read(bytes(data)).pcm


def test_too_long_and_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="longer than 4 seconds"):
        read(WAV_16K, max_seconds=4)
    with pytest.raises(BadAudio, match="larger than 1000 bytes"):
        read(WAV_16K, max_bytes=1_000)
    file = tmp_path / "large.wav"
    file.write_bytes(WAV_16K)
    with pytest.raises(BadAudio, match="larger than 1000 bytes"):
        read(file, max_bytes=1_000)


def test_a_small_file_that_unpacks_to_hours_stops_at_the_limit() -> None:
    quiet = io.BytesIO()
    with av.open(quiet, "w", format="flac") as out:
        stream = out.add_stream("flac", rate=8_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for _ in range(300):
            frame = av.AudioFrame(format="s16", layout="mono", samples=8_000)
            frame.sample_rate = 8_000
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert len(quiet.getvalue()) < 100_000
    with pytest.raises(BadAudio, match="longer"):
        read(quiet.getvalue(), max_seconds=60)


def test_dither_is_faint_equal_each_time_and_never_overflows() -> None:
    silence = dither(bytes(8_000))
    assert silence == dither(bytes(8_000))
    assert len(silence) == 8_000
    assert 0.5 < loudness(silence) < 6
    assert max(map(abs, memoryview(silence).cast("h"))) < 20
    loudest = struct.pack("<hh", 32_767, -32_768) * 2_000
    same = zip(memoryview(dither(loudest)).cast("h"), memoryview(loudest).cast("h"), strict=True)
    assert max(abs(one - other) for one, other in same) < 8
    assert dither(b"") == b""
