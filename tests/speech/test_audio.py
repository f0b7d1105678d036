"""Every kind of recording carriers and browsers send, and every way a file can disappoint."""

import contextlib
import io
import random
import resource
import struct
from pathlib import Path

import av
import pytest

from gateway.workers import Workers
from speech.audio import OPTIONS, STREAMS, Audio, BadAudio, decode, dither, is_film
from tests.speech import hostile
from tests.speech.encoding import FORMATS, encoded
from tests.speech.hostile import PLAYLISTS, wav

UTTERANCES = Path(__file__).parents[2] / "gateway/simulator/demo_speech/en/utterances"
WAV_16K = (UTTERANCES / "000-en-us-m4-16k.wav").read_bytes()
WAV_8K = (UTTERANCES / "000-en-us-m4-8k.wav").read_bytes()
SECONDS = 4.58


def recorded(kind: str, layout: str = "mono") -> bytes:
    return encoded(WAV_16K, FORMATS[kind], layout)


def read(data: bytes | Path, *, max_seconds: float = 60, max_bytes: int = 2_000_000) -> Audio:
    return decode(data, max_seconds=max_seconds, max_bytes=max_bytes)


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_kind_becomes_the_same_plain_sound(kind: str, layout: str) -> None:
    audio = read(recorded(kind, layout))
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
    **{f"playlist {name}": (data, "can be read|no sound|cut off") for name, data in PLAYLISTS.items()},
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
@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "opus in webm"])
def test_a_file_cut_off_on_its_way_is_refused(kind: str, share: float) -> None:
    data = recorded(kind)
    with pytest.raises(BadAudio):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_refused_whatever_it_looks_like(seed: int) -> None:
    dice = random.Random(seed)
    for start in (b"", WAV_16K[:12], b"ID3\x04\x00", b"OggS\x00\x02", b"\x1a\x45\xdf\xa3", b"fLaC", b"#!AMR\n"):
        with pytest.raises(BadAudio):
            read(start + dice.randbytes(3_000))


@pytest.mark.parametrize("kind", FORMATS)
def test_damage_within_a_file_is_refused_or_heard_but_never_an_error(kind: str) -> None:
    whole = recorded(kind)
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


def test_ten_hours_in_a_megabyte_stop_at_the_limit() -> None:
    data = hostile.hours(36_000)
    assert len(data) < 1_000_000
    with pytest.raises(BadAudio, match="longer than 60 seconds"):
        read(data)
    assert read(hostile.hours(59)).seconds == pytest.approx(59, abs=0.2)


def _peak_after(data: bytes) -> tuple[bool, int]:
    """Whether it is a film, and the most memory that this process ever had, in bytes."""
    film = is_film(data, max_bytes=2_000_000)
    with contextlib.suppress(BadAudio):
        read(data)
    return film, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("sound", [True, False])
async def test_no_picture_is_decoded_however_large(sound: bool) -> None:
    """FFmpeg would decode one to learn what it is, which for this one takes 144 MB."""
    pool = Workers(1)
    _, before = await pool.run(_peak_after, hostile.pictures(64, sound=sound), timeout=30)
    film, after = await pool.run(_peak_after, hostile.pictures(12_000, sound=sound), timeout=30)
    await pool.stop()
    assert film
    assert after - before < 60_000_000


def test_of_many_sounds_in_one_file_few_are_looked_at() -> None:
    data = hostile.streams(300)
    assert read(data).seconds < 1
    assert not is_film(data, max_bytes=2_000_000)
    with av.open(io.BytesIO(data), "r", options=OPTIONS) as container:
        assert len(container.streams) <= STREAMS


@pytest.mark.parametrize("name", hostile.FILES)
def test_what_is_made_to_break_us_is_refused_or_short(name: str) -> None:
    with contextlib.suppress(BadAudio):
        assert read(hostile.FILES[name]()).seconds < 60


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
