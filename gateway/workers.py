"""Worker processes that may crash or hang without harm to the process that asked them.

What strangers send (recordings, images) is opened by libraries written in C, and a bad file can end a process or
hold it for ever. So each slot is one process of its own, fed one job at a time through pipes: what breaks it breaks
that job only, and the next job finds a fresh process. A worker starts on first use, keeps what its functions cache
(a loaded model), knows none of our secrets, and ends when its pipe does, however its parent died.
"""

import asyncio
import contextlib
import faulthandler
import os
import pickle
import queue
import resource
import signal
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar, TypeVarTuple

from gateway.errors import EverylineError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# What opening one file may take beside what its process holds already.
FILE_MEMORY = 1024 * 1024 * 1024
_MAX_ANSWER = 256 * 1024 * 1024
_ORPHAN_GRACE = 2.0
_LENGTH = struct.Struct("!Q")
_PROGRAM = "from gateway.workers import serve; serve(gives_way={})"
_PRIVATE = "EVERYLINE_"


class WorkerLost(EverylineError):
    """The process of a job ended before the job did; the job may be tried again."""

    title = "Worker lost"


class WorkerTimeout(EverylineError):
    """A job took longer than it may; its process was killed."""

    title = "Worker timed out"


class Workers:
    """At most `size` processes; jobs beyond that wait in the order they came.

    They let the gateway go first (`gives_way`), but for those that somebody on the telephone waits for.
    """

    def __init__(self, size: int, *, gives_way: bool = True) -> None:
        self._gives_way = gives_way
        self._slots = asyncio.Semaphore(size)
        self._idle: list[asyncio.subprocess.Process] = []
        self._busy: set[asyncio.subprocess.Process] = set()
        self._stopped = False
        # Processes that a job broke or held too long, since the start.
        self.lost = 0

    async def run(self, function: Callable[[*Ts], T], *args: *Ts, timeout: float) -> T:
        """Call `function` in a worker, for at most `timeout` seconds, and give its result.

        The function must be importable by name, its arguments and result picklable. The time spent
        waiting for a free worker does not count. Raises what the function raised, with the worker's traceback as a
        note; `WorkerLost` when the process ended or the pool was stopped; `WorkerTimeout` when time ran out.
        """
        job = pickle.dumps((timeout, function, args))
        async with self._slots:
            process = await self._take()
            try:
                async with asyncio.timeout(timeout):
                    succeeded, answer = await _ask(process, job)
            except TimeoutError:
                raise WorkerTimeout(f"no result within {timeout:g} s") from None
            except (EOFError, ConnectionError, pickle.PickleError, AttributeError, ImportError) as error:
                raise WorkerLost("the worker process ended before its job") from error
            else:
                self._busy.discard(process)
                self._idle.append(process)
            finally:
                # Still busy means lost, late or cancelled: a job cannot be interrupted, only its process ended.
                if process in self._busy:
                    self.lost += 1
                    await _end(process)
                    self._busy.discard(process)
        if succeeded:
            result: T = answer
            return result
        raise answer

    async def stop(self) -> None:
        """End all workers at once; jobs under way and jobs still waiting raise `WorkerLost`."""
        self._stopped = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_end(process) for process in [*idle, *self._busy]))

    async def _take(self) -> asyncio.subprocess.Process:
        """The worker used last that still lives (its caches are warm), else a new one."""
        if self._stopped:
            raise WorkerLost("the workers have been stopped")
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None and process.stdout and not process.stdout.at_eof():
                self._busy.add(process)
                return process
            await _end(process)
        process = await _start(self._gives_way)
        self._busy.add(process)
        if self._stopped:  # stop() ran while the process was being made and could not see it
            await _end(process)
        return process


def serve(*, gives_way: bool) -> None:
    """The life of a worker process: one job after the other until the parent's end of the pipe closes."""
    for interruption in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interruption, signal.SIG_IGN)  # the parent decides when we end
    if gives_way:
        _give_way()
    inbox, outbox = _private_streams()
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, jobs), daemon=True).start()
    while True:
        answer = _perform(jobs.get())
        with contextlib.suppress(BrokenPipeError):
            outbox.write(_LENGTH.pack(len(answer)) + answer)
            outbox.flush()


@contextlib.contextmanager
def memory_bound(more: int = FILE_MEMORY) -> Iterator[None]:
    """Let this process's address space grow by so many bytes and no further: beyond them allocations fail.

    For jobs in a worker that open a stranger's file, whose header may claim any size.
    """
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as sizes:
        bound = int(sizes.read().split()[0]) * resource.getpagesize() + more
    if most != resource.RLIM_INFINITY:
        bound = min(bound, most)
    resource.setrlimit(resource.RLIMIT_AS, (bound, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


async def _start(gives_way: bool) -> asyncio.subprocess.Process:
    # A session of its own keeps the terminal's Ctrl-C away from the moment it starts.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        _PROGRAM.format(gives_way),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {key: value for key, value in os.environ.items() if not key.startswith(_PRIVATE)} | {"PYTHONPATH": path}


async def _ask(process: asyncio.subprocess.Process, job: bytes) -> tuple[bool, Any]:
    """Whether the job succeeded, and its result or its exception. Raises EOFError when the worker has gone."""
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(_LENGTH.pack(len(job)))
    process.stdin.write(job)
    await process.stdin.drain()
    (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
    if length > _MAX_ANSWER:
        raise EOFError
    succeeded, answer = pickle.loads(await process.stdout.readexactly(length))  # noqa: S301 - made by our own code
    return succeeded, answer


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with all that the job may have started
    await process.wait()


def _give_way() -> None:
    """Let the gateway go first: for the processor, and for staying alive when memory runs out."""
    with contextlib.suppress(OSError):
        os.nice(5)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("500")


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under numbers of their own, so that a library's stray print cannot spoil an answer."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return inbox, outbox


def _listen(inbox: BinaryIO, jobs: queue.SimpleQueue[bytes]) -> None:
    """Pass on jobs; when the parent is gone, end the process whatever its main thread is doing."""
    while len(head := inbox.read(_LENGTH.size)) == _LENGTH.size:
        jobs.put(inbox.read(_LENGTH.unpack(head)[0]))
    os._exit(0)


def _perform(job: bytes) -> bytes:
    with open(os.devnull, "w") as nothing:
        try:
            timeout, function, args = pickle.loads(job)  # noqa: S301 - comes from our own parent
            # Ends an orphan stuck in C code that keeps the interpreter's lock, where `_listen` could not run.
            faulthandler.dump_traceback_later(timeout + _ORPHAN_GRACE, exit=True, file=nothing)
            return pickle.dumps((True, function(*args)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller
            return _carry(error)
        finally:
            faulthandler.cancel_dump_traceback_later()


def _carry(error: Exception) -> bytes:
    """The exception as bytes, with its traceback; one that cannot travel becomes a RuntimeError of the same words."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        carried = pickle.dumps((False, error))
        pickle.loads(carried)  # noqa: S301 - our own bytes, read back: some exceptions pickle and cannot be unpickled
    except Exception:  # noqa: BLE001 - any fault in an exception's own pickling
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return carried
