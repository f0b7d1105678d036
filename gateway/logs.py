"""Log lines: one JSON object each, or readable columns on a terminal; every line has an action, none an address."""

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from gateway import clock


def configure(*, level: str = "INFO") -> None:
    """Send our lines, and the warnings of libraries, to standard error."""
    on_terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp,
        *([] if on_terminal else [structlog.processors.format_exc_info]),
        renderer,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Forgiving(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    # Libraries log addresses of requests at info; only their warnings are wanted.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


class _Forgiving:
    """A file that loses a line it cannot take (its disk is full), and not the work which that line speaks of."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, words: str) -> int:
        with contextlib.suppress(OSError):
            self._file.write(words)
        return len(words)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


def _stamp(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line["at"] = clock.now().isoformat(timespec="milliseconds")
    return line
