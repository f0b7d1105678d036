"""Speech as MP3: right length, chapters where the parts begin, frames that stand alone."""

import io
from pathlib import Path

import av
import pytest

from speech.encoding import (
    FRAME_BYTES,
    FRAME_SECONDS,
    RATE,
    SILENCE,
    Recording,
    chime,
    frames,
    record,
)
from tests.casework.radio_world import humming, wav

PARTS = [[humming(300, 1.0, RATE), humming(400, 0.5, RATE)], [humming(500, 2.0, RATE)]]
HEADER = b"\xff\xf3\x64\xc4"


def loudness(pcm: bytes) -> int:
    return max(abs(int.from_bytes(pcm[at : at + 2], "little", signed=True)) for at in range(0, len(pcm), 2))


def decoded(data: bytes) -> bytes:
    """The samples of a file or of frames."""
    with av.open(io.BytesIO(data), "r", format="mp3") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        return b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)


def test_a_file_is_as_long_as_it_says_and_tells_its_chapters() -> None:
    made = record(PARTS, ["Greeting", "水管"], "早间播报", "清源市")
    with av.open(io.BytesIO(made.data), "r") as container:
        assert container.duration
        assert container.duration / 1_000_000 == pytest.approx(made.seconds, abs=0.1)
        assert container.metadata["title"] == "早间播报"
        chapters = container.chapters()
    assert [chapter["metadata"]["title"] for chapter in chapters] == ["Greeting", "水管"]
    assert [chapter["start"] / 1000 for chapter in chapters] == pytest.approx(list(made.starts), abs=0.01)
    assert made.starts[0] == pytest.approx(len(chime()) / 2 / RATE)
    assert made.starts[1] - made.starts[0] > 1.5


def test_all_frames_are_equally_long_and_need_no_other() -> None:
    made = record(PARTS, ["a", "b"], "t", "c")
    sound = frames(made.data)
    assert len(sound) % FRAME_BYTES == 0
    assert {sound[at : at + 4] for at in range(0, len(sound), FRAME_BYTES)} == {HEADER}
    assert len(sound) // FRAME_BYTES * FRAME_SECONDS == pytest.approx(made.seconds, abs=0.1)
    # From the middle on, behind silence and before another beginning: it is all decoded.
    middle = len(sound) // FRAME_BYTES // 2 * FRAME_BYTES
    pieces = SILENCE * 10 + sound[middle:] + SILENCE * 10 + sound
    assert len(decoded(pieces)) / 2 / RATE == pytest.approx(len(pieces) / FRAME_BYTES * FRAME_SECONDS, abs=0.1)


def test_silence_is_silent() -> None:
    assert loudness(decoded(SILENCE * 100)) == 0


@pytest.mark.parametrize("cut", [0, 1, FRAME_BYTES - 1])
def test_a_file_without_a_head_and_cut_off_gives_its_whole_frames(cut: int) -> None:
    assert frames(SILENCE * 3 + SILENCE[:cut]) == SILENCE * 3


def test_a_recording_is_heard_as_loud_as_a_voice_and_no_longer_than_it_may(tmp_path: Path) -> None:
    quiet = bytearray(humming(300, 3.0, 8000))
    for at in range(0, len(quiet), 2):
        value = int.from_bytes(quiet[at : at + 2], "little", signed=True) // 4
        quiet[at : at + 2] = value.to_bytes(2, "little", signed=True)
    path = tmp_path / "call.wav"
    path.write_bytes(wav(bytes(quiet), 8000))
    without = record([[]], ["a"], "t", "c")
    made = record([[Recording(path, b"", 1.5, 60, 1_000_000)]], ["a"], "t", "c")
    assert made.seconds - without.seconds == pytest.approx(1.5)
    assert loudness(decoded(made.data)) > 15_000


@pytest.mark.parametrize("data", [b"", b"RIFF", b"no sound at all"])
def test_of_a_recording_that_cannot_be_used_the_words_are_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(data)
    spoken = humming(300, 1.0, RATE)
    made = record([[Recording(path, spoken, 60, 60, 1_000_000)]], ["a"], "t", "c")
    assert made.data == record([[spoken]], ["a"], "t", "c").data
    assert record([[Recording(tmp_path / "gone", spoken, 60, 60, 1)]], ["a"], "t", "c").data == made.data
