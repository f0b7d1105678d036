"""Log lines: one JSON object each, or readable columns on a terminal; every line has an action, none an address."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log addresses of requests at info; only their warnings are wanted.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


def _stamp(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    line["at"] = clock.now().isoformat(timespec="milliseconds")
    return line
