"""µ-law and A-law are those of G.711: all codes and all samples, against FFmpeg's and by their own laws."""

from array import array

import av
import pytest

from speech.telephone import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm

CODES = bytes(range(256))
SAMPLES = array("h", range(-32768, 32768)).tobytes()


def by_ffmpeg(name: str, data: bytes) -> bytes:
    codec = av.CodecContext.create(name, "r")
    codec.sample_rate, codec.layout = 8000, "mono"  # type: ignore[attr-defined]
    frames = codec.decode(av.Packet(data))  # type: ignore[attr-defined]
    return b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)


@pytest.mark.parametrize(("name", "decode"), [("pcm_mulaw", ulaw_to_pcm), ("pcm_alaw", alaw_to_pcm)])
def test_each_code_stands_for_the_sample_that_others_read(name: str, decode: object) -> None:
    assert decode(CODES) == by_ffmpeg(name, CODES)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("encode", "decode", "twins"), [(pcm_to_ulaw, ulaw_to_pcm, {0x7F: 0xFF}), (pcm_to_alaw, alaw_to_pcm, {})]
)
def test_each_code_survives_the_way_there_and_back(encode: object, decode: object, twins: dict[int, int]) -> None:
    back = encode(decode(CODES))  # type: ignore[operator]
    assert [twins.get(code, code) for code in CODES] == list(back)  # µ-law has two codes for nothing


@pytest.mark.parametrize(("encode", "decode"), [(pcm_to_ulaw, ulaw_to_pcm), (pcm_to_alaw, alaw_to_pcm)])
def test_each_sample_becomes_a_near_one(encode: object, decode: object) -> None:
    heard = array("h", decode(encode(SAMPLES)))  # type: ignore[operator]
    wrong = [
        (said, got)
        for said, got in zip(array("h", SAMPLES), heard, strict=True)
        if abs(said - got) > max(abs(said) / 16, 16) and abs(said) < 32_000
    ]
    assert not wrong


@pytest.mark.parametrize("work", [ulaw_to_pcm, alaw_to_pcm, pcm_to_ulaw, pcm_to_alaw])
def test_nothing_is_nothing(work: object) -> None:
    assert work(b"") == b""  # type: ignore[operator]
