"""What a job may do to its process, and what its caller and the other jobs see of it."""

import asyncio
import ctypes
import functools
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import BadInput
from gateway.workers import WorkerLost, Workers, WorkerTimeout

ROOT = Path(__file__).parents[1]
STUCK = "import ctypes; ctypes.PyDLL(None).sleep(60)"
PARENT = """
import asyncio, os, time
from gateway.workers import Workers
async def main():
    workers = Workers(2)
    idle, job = await asyncio.gather(workers.run(os.getpid, timeout=20), workers.run(os.getpid, timeout=20))
    print(idle, job, flush=True)
    await workers.run(JOB)
asyncio.run(main())
"""


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(1)
    yield pool
    await pool.stop()


def kill_myself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(10)


def read_nothing() -> bytes:
    return ctypes.string_at(0)


@functools.cache
def slow_to_load() -> float:
    return time.monotonic()


def refuse(field: str) -> None:
    raise BadInput("no good", field)


class Unpicklable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def raise_unpicklable() -> None:
    raise Unpicklable("cannot ", "travel")


def print_much() -> str:
    print("noise on stdout")
    os.write(1, b"more noise")
    return "clean"


def spin() -> None:
    while True:
        pass


def environment() -> list[str]:
    return [key for key in os.environ if key.startswith("EVERYLINE_")]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int, within: float = 8) -> bool:
    deadline = time.monotonic() + within
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


async def test_a_result_comes_from_another_process_that_is_kept(workers: Workers) -> None:
    first = await workers.run(os.getpid, timeout=20)
    assert first != os.getpid()
    assert await workers.run(os.getpid, timeout=20) == first


async def test_what_a_function_caches_stays_with_its_process(workers: Workers) -> None:
    first = await workers.run(slow_to_load, timeout=20)
    assert await workers.run(slow_to_load, timeout=20) == first


async def test_large_values_pass_both_ways(workers: Workers) -> None:
    blob = os.urandom(3_000_000)
    assert await workers.run(bytes.__add__, blob, blob, timeout=20) == blob + blob


async def test_an_exception_comes_back_whole_and_harms_nothing(workers: Workers) -> None:
    pid = await workers.run(os.getpid, timeout=20)
    with pytest.raises(BadInput, match="no good") as caught:
        await workers.run(refuse, "text", timeout=20)
    assert caught.value.field == "text"
    assert "in refuse" in caught.value.__notes__[0]
    assert await workers.run(os.getpid, timeout=20) == pid


async def test_what_cannot_be_pickled_is_told_to_its_caller_alone(workers: Workers) -> None:
    pid = await workers.run(os.getpid, timeout=20)
    with pytest.raises(RuntimeError, match="Unpicklable: cannot travel"):
        await workers.run(raise_unpicklable, timeout=20)
    with pytest.raises((pickle.PicklingError, TypeError)):
        await workers.run(open, os.devnull, timeout=20)
    assert await workers.run(os.getpid, timeout=20) == pid


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        pytest.param(os._exit, (0,), id="exits quietly"),
        pytest.param(sys.exit, (3,), id="exits politely"),
        pytest.param(kill_myself, (signal.SIGSEGV,), id="SIGSEGV"),
        pytest.param(kill_myself, (signal.SIGABRT,), id="SIGABRT"),
        pytest.param(kill_myself, (signal.SIGKILL,), id="killed for memory"),
        pytest.param(read_nothing, (), id="reads address 0"),
    ],
)
async def test_a_crash_is_lost_and_the_next_job_finds_a_new_process(workers: Workers, function, argument) -> None:  # type: ignore[no-untyped-def]  # any callable
    pid = await workers.run(os.getpid, timeout=20)
    with pytest.raises(WorkerLost):
        await workers.run(function, *argument, timeout=20)
    assert workers.lost == 1
    assert await workers.run(os.getpid, timeout=20) not in (pid, os.getpid())
    assert gone(pid)


@pytest.mark.parametrize(("function", "argument"), [(time.sleep, (60,)), (spin, ())])
async def test_a_hang_ends_with_its_process(workers: Workers, function, argument) -> None:  # type: ignore[no-untyped-def]  # any callable
    pid = await workers.run(os.getpid, timeout=20)
    began = time.monotonic()
    with pytest.raises(WorkerTimeout, match=r"0\.3 s"):
        await workers.run(function, *argument, timeout=0.3)
    assert time.monotonic() - began < 3
    assert not alive(pid)
    assert await workers.run(abs, -1, timeout=20) == 1


async def test_a_crash_harms_no_other_job() -> None:
    pool = Workers(2)
    results = await asyncio.gather(
        pool.run(os._exit, 1, timeout=20),
        pool.run(time.sleep, 0.5, timeout=20),
        *(pool.run(abs, -n, timeout=20) for n in range(6)),
        return_exceptions=True,
    )
    await pool.stop()
    assert isinstance(results[0], WorkerLost)
    assert results[1:] == [None, 0, 1, 2, 3, 4, 5]


async def test_jobs_wait_in_order_for_no_more_than_size_processes(workers: Workers) -> None:
    done: list[int] = []

    async def job(number: int) -> int:
        pid = await workers.run(os.getpid, timeout=20)
        done.append(number)
        return pid

    assert len(set(await asyncio.gather(*(job(n) for n in range(8))))) == 1
    assert done == list(range(8))


async def test_waiting_for_a_worker_does_not_count_as_running(workers: Workers) -> None:
    await workers.run(abs, 0, timeout=20)
    slow, quick = await asyncio.gather(
        workers.run(time.sleep, 1.0, timeout=20), workers.run(abs, -7, timeout=0.9), return_exceptions=True
    )
    assert (slow, quick) == (None, 7)


async def test_the_event_loop_goes_on_meanwhile(workers: Workers) -> None:
    await workers.run(abs, 0, timeout=20)
    job = asyncio.create_task(workers.run(spin, timeout=0.5))
    longest, last = 0.0, time.monotonic()
    while not job.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert isinstance(job.exception(), WorkerTimeout)
    assert longest < 0.4


async def test_a_cancelled_job_ends_its_process_and_frees_the_slot(workers: Workers) -> None:
    pid = await workers.run(os.getpid, timeout=20)
    job = asyncio.create_task(workers.run(time.sleep, 60, timeout=60))
    await asyncio.sleep(0.1)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not alive(pid)
    assert await workers.run(abs, -2, timeout=20) == 2


async def test_an_idle_worker_that_died_is_replaced_unseen(workers: Workers) -> None:
    pid = await workers.run(os.getpid, timeout=20)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    await asyncio.sleep(0.1)
    assert await workers.run(os.getpid, timeout=20) != pid


async def test_interruptions_from_the_terminal_do_not_reach_a_worker(workers: Workers) -> None:
    pid = await workers.run(os.getpid, timeout=20)
    assert os.getsid(pid) != os.getsid(0)
    job = asyncio.create_task(workers.run(time.sleep, 0.5, timeout=20))
    await asyncio.sleep(0.1)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    await job
    assert await workers.run(os.getpid, timeout=20) == pid


async def test_a_worker_learns_no_secret_and_may_print(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERYLINE_TWILIO_AUTH_TOKEN", "secret")
    assert await workers.run(environment, timeout=20) == []
    assert await workers.run(print_much, timeout=20) == "clean"
    assert await workers.run(print_much, timeout=20) == "clean"


async def test_stopping_ends_every_job_and_takes_no_more() -> None:
    pool = Workers(1)
    pid = await pool.run(os.getpid, timeout=20)
    under_way = asyncio.create_task(pool.run(time.sleep, 60, timeout=60))
    waiting = asyncio.create_task(pool.run(abs, 1, timeout=60))
    await asyncio.sleep(0.1)
    await asyncio.wait_for(pool.stop(), 3)
    for job in (under_way, waiting):
        with pytest.raises(WorkerLost):
            await job
    with pytest.raises(WorkerLost, match="stopped"):
        await pool.run(abs, 1, timeout=1)
    assert not alive(pid)
    await pool.stop()


async def test_nothing_is_started_before_the_first_job() -> None:
    pool = Workers(4)
    assert (pool._idle, pool._busy) == ([], set())
    await pool.stop()


@pytest.mark.parametrize(
    "job",
    [
        pytest.param("time.sleep, 60, timeout=60", id="at work"),
        pytest.param("exec, STUCK, timeout=1", id="stuck in C code that keeps the interpreter's lock"),
    ],
)
def test_workers_die_with_a_parent_that_is_killed(job: str) -> None:
    program = [sys.executable, "-c", PARENT.replace("JOB", job.replace("STUCK", repr(STUCK)))]
    parent = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as said:
        pids = [int(pid) for pid in said.readline().split()]
    assert len(set(pids)) == 2
    assert all(alive(pid) for pid in pids)
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    assert [gone(pid) for pid in pids] == [True, True]
