"""Recordings that wait for a speech model of their language are written down as soon as there is one.

The disk is looked at again and again: models are installed by a command, in another process, while the gateway runs.
"""

import asyncio
from collections.abc import Sequence

import structlog

from gateway import clock
from gateway.runtime import Runtime
from gateway.schema import LANGUAGES
from speech.models import ModelInfo
from store import media

# Seconds between two looks.
LOOK_EVERY = 5.0

log = structlog.get_logger()


async def run(runtime: Runtime) -> None:
    """Follow which models there are, until cancelled."""
    known: frozenset[ModelInfo] = frozenset()
    while True:
        try:
            known = await look(runtime, known)
        except Exception:
            log.exception("cannot see what models there are", action="transcription.models")
        await asyncio.sleep(LOOK_EVERY)


async def look(runtime: Runtime, known: frozenset[ModelInfo]) -> frozenset[ModelInfo]:
    """Take up what waited for models that were not `known`; gives those that are there."""
    found = await asyncio.to_thread(_models_there, runtime)
    if languages := sorted({model.language for model in found - known}):
        await requeue(runtime, languages)
    return found


async def requeue(runtime: Runtime, languages: Sequence[str]) -> None:
    """Have what waited for a model written down, for languages that have one now."""
    number = await runtime.database.write(lambda transaction: media.requeue(transaction, languages, clock.now()))
    if number:
        log.info("waiting recordings are taken up", action="transcription.models", number=number)


def _models_there(runtime: Runtime) -> frozenset[ModelInfo]:
    return frozenset(model for language in LANGUAGES if (model := runtime.models.find(language)))
