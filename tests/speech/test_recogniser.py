"""The whole path from a recording to text, with real Vosk in real worker processes."""

import asyncio
import os
import resource
import shutil
import signal
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import pytest

from gateway.workers import WorkerLost, Workers, WorkerTimeout, memory_bound
from speech.audio import BadAudio
from speech.models import ModelInfo, Models
from speech.recogniser import BadModel, measure, transcribe

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech"
TYPED = {
    "en": {
        "000-en-us-m4": "the road light is broken at main street number 4",
        "001-en-f4": "water pipe leaking on north street number 27",
        "002-en-gb-x-rp-linda": "garbage smell near the school",
        "003-en-gb-scotland-michael": "there is no heating in my building",
        "006-en-pedro": "loud noise at the park",
    },
    "zh": {
        "000-cmn-latn-pinyin-m4": "人民路3号路灯坏了",
        "001-cmn-latn-pinyin-f4": "你好小区垃圾没人清理",
        "002-cmn-latn-pinyin-linda": "5号楼暖气不热",
        "003-cmn-latn-pinyin-michael": "小区停水请帮忙处理",
    },
}
SPOKEN = DEMO / "en/utterances/006-en-pedro-8k.wav"


def model(language: str = "en") -> ModelInfo:
    found = Models(DEMO / "nothing", DEMO).find(language, demo=True)
    assert found is not None
    return found


def wav(pcm: bytes, rate: int = 16_000) -> bytes:
    shape = struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16)
    size = struct.pack("<I", 36 + len(pcm))
    return b"RIFF" + size + b"WAVEfmt " + shape + b"data" + struct.pack("<I", len(pcm)) + pcm


@pytest.fixture(scope="module")
def utterances() -> list[tuple[str, Path, str, str]]:
    """Language, file, words as the model says them, text as people type it."""
    found = []
    for language, expected in TYPED.items():
        rows = (DEMO / language / "utterances/texts.tsv").read_text().splitlines()
        for stem, words in (row.split("\t") for row in rows):
            for rate in ("8k", "16k"):
                file = DEMO / language / f"utterances/{stem}-{rate}.wav"
                found.append((language, file, words, expected[stem]))
    return found


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(1)
    yield pool
    await pool.stop()


async def test_every_utterance_comes_out_as_people_would_type_it(
    workers: Workers, utterances: list[tuple[str, Path, str, str]]
) -> None:
    assert len(utterances) == 18
    assert len(list(DEMO.glob("*/utterances/*.wav"))) == 18
    for language, file, words, expected in utterances:
        transcript = await transcribe(workers, model(language), file, timeout=30)
        assert (transcript.text, file.name) == (expected, file.name)
        assert [word.word for word in transcript.words] == words.split()
        assert 0.5 < transcript.confidence <= 1
        assert transcript.model == f"demo-{language}"
        starts = [word.start for word in transcript.words]
        assert starts == sorted(starts)
        assert 0 <= starts[0] < transcript.words[-1].end <= transcript.seconds + 0.1


async def test_bytes_serve_as_well_as_a_file(workers: Workers) -> None:
    assert (await transcribe(workers, model(), SPOKEN.read_bytes(), timeout=30)).text == "loud noise at the park"


@pytest.mark.parametrize("pcm", [bytes(32_000), bytes(16_000 * 2 * 20), b"\x01\x00" * 800], ids=["1s", "20s", "tiny"])
async def test_silence_gives_no_text_and_no_confidence(workers: Workers, pcm: bytes) -> None:
    transcript = await transcribe(workers, model(), wav(pcm), timeout=30)
    assert (transcript.text, transcript.confidence, transcript.words) == ("", 0.0, ())
    assert transcript.seconds == pytest.approx(len(pcm) / 32_000, abs=0.01)


@pytest.mark.parametrize("pause", [0.6, 3])
async def test_digital_silence_before_and_between_sentences_adds_no_word(
    workers: Workers, utterances: list[tuple[str, Path, str, str]], pause: float
) -> None:
    """Telephone networks send exact zeros between sentences, at whose end a model may hear a word."""
    for language in TYPED:
        for rate, name in ((8_000, "-8k.wav"), (16_000, "-16k.wav")):
            rows = [row for row in utterances if row[0] == language and row[1].name.endswith(name)]
            silence = bytes(int(rate * pause) * 2)
            pcm = b"".join(silence + file.read_bytes()[44:] for _, file, _, _ in rows)
            transcript = await transcribe(workers, model(language), wav(pcm, rate), timeout=30)
            assert transcript.text == ("" if language == "zh" else " ").join(row[3] for row in rows)
            assert transcript.words[-1].start > pause * len(rows)  # counted from the start of the recording


async def test_a_model_stays_loaded_between_recordings(workers: Workers) -> None:
    await transcribe(workers, model(), SPOKEN, timeout=30)
    pid = await workers.run(os.getpid, timeout=20)
    moved = replace(model(), name="renamed")
    assert (await transcribe(workers, moved, SPOKEN, timeout=30)).model == "renamed"
    assert await workers.run(_models_loaded, timeout=20) == 1
    assert await workers.run(os.getpid, timeout=20) == pid


def _models_loaded() -> int:
    from speech.recogniser import _loaded

    return _loaded.cache_info().misses


@pytest.mark.parametrize("recording", [b"", b"<html>404</html>" * 99, b"RIFF" + bytes(3_000)])
async def test_a_bad_recording_is_refused_at_once_and_harms_nothing(workers: Workers, recording: bytes) -> None:
    pid = await workers.run(os.getpid, timeout=20)
    with pytest.raises(BadAudio):
        await transcribe(workers, model(), recording, timeout=30)
    assert await workers.run(os.getpid, timeout=20) == pid


async def test_the_limits_are_the_callers(workers: Workers) -> None:
    with pytest.raises(BadAudio, match="longer than 1 seconds"):
        await transcribe(workers, model(), SPOKEN, timeout=30, max_seconds=1)
    with pytest.raises(BadAudio, match="larger than 100 bytes"):
        await transcribe(workers, model(), SPOKEN, timeout=30, max_bytes=100)


def _spoil(path: Path) -> None:
    (path / "am/final.mdl").write_bytes(b"this is no model")


def _shorten_words(path: Path) -> None:
    (path / "graph/words.txt").write_text("<eps> 0\nroad 1\n")


def _expect_other_features(path: Path) -> None:
    conf = (path / "conf/mfcc.conf").read_text()
    (path / "conf/mfcc.conf").write_text(conf.replace("--num-ceps=20", "--num-ceps=13"))


def _vanish(path: Path) -> None:
    """Only after the gateway looked: see below."""


@pytest.mark.parametrize("spoil", [_spoil, _shorten_words, _expect_other_features, _vanish])
async def test_a_model_that_only_looks_whole_is_called_bad(
    workers: Workers, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "en"
    shutil.copytree(DEMO / "en/model", path)
    spoil(path)
    broken = Models(tmp_path).find("en")
    assert broken is not None
    if spoil is _vanish:
        shutil.rmtree(path)
    pid = await workers.run(os.getpid, timeout=20)
    with pytest.raises(BadModel, match="en"):
        await transcribe(workers, broken, SPOKEN, timeout=30)
    assert (await transcribe(workers, model(), SPOKEN, timeout=30)).text == "loud noise at the park"
    assert await workers.run(os.getpid, timeout=20) == pid, "a bad model costs no process"


@pytest.mark.parametrize("rate", ["8k", "16k"])
async def test_sound_of_another_rate_is_brought_to_the_models_own(workers: Workers, tmp_path: Path, rate: str) -> None:
    """Such a model fails in mid-stream when Vosk is to do it; and most recordings of telephones have 8 kHz."""
    shutil.copytree(DEMO / "en/model", tmp_path / "en")
    conf = tmp_path / "en/conf/mfcc.conf"
    conf.write_text("".join(line for line in conf.open() if "allow-" not in line))
    strict = Models(tmp_path).find("en")
    assert strict is not None
    spoken = SPOKEN.with_name(f"006-en-pedro-{rate}.wav")
    assert (await transcribe(workers, strict, spoken, timeout=30)).text == "loud noise at the park"


async def test_a_model_put_in_place_of_another_is_used_from_the_next_recording_on(
    workers: Workers, tmp_path: Path
) -> None:
    """The worker lives on and had the old one loaded from the same path."""
    models, spoken = Models(tmp_path), DEMO / "zh/utterances/002-cmn-latn-pinyin-linda-8k.wav"
    shutil.copytree(DEMO / "en/model", tmp_path / "zh")
    before = models.find("zh")
    assert before is not None
    assert (await transcribe(workers, before, SPOKEN, timeout=30)).text == "loud noise at the park"
    pid = await workers.run(os.getpid, timeout=20)
    shutil.rmtree(tmp_path / "zh")
    shutil.copytree(DEMO / "zh/model", tmp_path / "zh")
    after = models.find("zh")
    assert after is not None
    assert (await transcribe(workers, after, spoken, timeout=30)).text == "5号楼暖气不热"
    assert await workers.run(os.getpid, timeout=20) == pid


class Breaking(Workers):
    """Real workers whose next jobs are replaced by ones that break the process."""

    def __init__(self, *jobs: tuple[Callable[..., Any], Any]) -> None:
        super().__init__(1)
        self.jobs = list(jobs)

    async def run(self, function: Callable[[*Ts], T], *args: *Ts, timeout: float) -> T:
        if self.jobs:
            job, argument = self.jobs.pop(0)
            await super().run(job, argument, timeout=1)
            raise AssertionError("the job should have broken its process")
        return await super().run(function, *args, timeout=timeout)


@pytest.mark.parametrize("job", [(os._exit, 1), (time.sleep, 60)], ids=["crash", "hang"])
async def test_a_crash_or_hang_is_tried_once_more_in_a_fresh_process(job: tuple[Callable[..., Any], Any]) -> None:
    pool = Breaking(job)
    assert (await transcribe(pool, model(), SPOKEN, timeout=30)).text == "loud noise at the park"
    await pool.stop()


@pytest.mark.parametrize(
    ("job", "error"), [((os._exit, 1), WorkerLost), ((time.sleep, 60), WorkerTimeout)], ids=["crash", "hang"]
)
async def test_a_second_crash_or_hang_is_told(job: tuple[Callable[..., Any], Any], error: type[Exception]) -> None:
    pool = Breaking(job, job)
    with pytest.raises(error):
        await transcribe(pool, model(), SPOKEN, timeout=30)
    assert pool.jobs == []
    await pool.stop()


async def busy(pool: Workers, besides: int | None = None) -> int:
    """The process that has the job now, once it is another than `besides`."""
    while not (pids := {process.pid for process in pool._busy} - {besides}):  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.005)
    return pids.pop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP], ids=["killed", "fault", "stopped"])
async def test_a_worker_that_is_ended_or_held_in_mid_job_costs_nobody_his_words(how: signal.Signals) -> None:
    pool = Workers(1)
    pid = await pool.run(os.getpid, timeout=20)
    os.kill(pid, signal.SIGSTOP)  # so that the job cannot be done before it is ended
    job = asyncio.create_task(transcribe(pool, model(), SPOKEN, timeout=4))
    await busy(pool)
    if how is not signal.SIGSTOP:
        os.kill(pid, how)
        os.kill(pid, signal.SIGCONT)
    assert (await job).text == "loud noise at the park"
    assert pool.lost == 1
    assert await pool.run(os.getpid, timeout=20) != pid
    await pool.stop()


async def test_a_worker_killed_twice_in_mid_job_is_told_and_the_next_recording_is_written_down() -> None:
    pool = Workers(1)
    first = await pool.run(os.getpid, timeout=20)
    os.kill(first, signal.SIGSTOP)
    minutes = wav(SPOKEN.read_bytes()[44:] * 150, 8_000)  # seconds of work, so that it cannot end before it is ended
    job = asyncio.create_task(transcribe(pool, model(), minutes, timeout=60))
    await busy(pool)
    os.kill(first, signal.SIGKILL)
    os.kill(await busy(pool, besides=first), signal.SIGKILL)
    with pytest.raises(WorkerLost):
        await job
    assert pool.lost == 2
    assert (await transcribe(pool, model(), SPOKEN, timeout=30)).text == "loud noise at the park"
    await pool.stop()


def _grow(megabytes: int) -> str:
    with memory_bound(256 * 1024 * 1024):
        try:
            bytearray(megabytes * 1024 * 1024)
        except MemoryError:
            return "refused"
    return "given"


async def test_opening_a_file_may_take_only_so_much_memory_and_only_then(workers: Workers) -> None:
    assert await workers.run(_grow, 10, timeout=20) == "given"
    assert await workers.run(_grow, 400, timeout=20) == "refused"
    assert await workers.run(_limit, timeout=20) == resource.getrlimit(resource.RLIMIT_AS)


def _limit() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_AS)


async def test_a_model_is_measured(workers: Workers, utterances: list[tuple[str, Path, str, str]]) -> None:
    english = [row for row in utterances if row[0] == "en"]
    measured = await workers.run(measure, model(), [row[1] for row in english], timeout=60)
    assert list(measured.texts) == [row[3] for row in english]
    assert measured.seconds == pytest.approx(
        sum(len(row[1].read_bytes()) / 2 / (8000 if "8k" in row[1].name else 16000) for row in english), rel=0.01
    )
    assert 0 < measured.real_time_factor < 1
    assert measured.load_seconds > 0
    assert measured.memory > 10_000_000
