"""Calling somebody of the staff: a text is read to him, and a key he presses comes back by the channel's own route."""

import structlog

from channels.base import Channel
from channels.failures import Failure
from gateway.runtime import Runtime

log = structlog.get_logger()


def outlet(runtime: Runtime) -> Channel | None:
    """The channel that can call, if one is on."""
    able = (channel for channel in runtime.channels.values() if channel.capabilities.rings)
    switches = runtime.switches
    return next((c for c in able if not switches.paused(c.name) and not switches.isolated(c.name)), None)


async def ring(runtime: Runtime, urn: str, words: str, thanks: str, language: str, reference: str) -> str | None:
    """Call a number and read it `words`; gives why not, if it could not be called.

    `thanks` is said when he presses 1, which the channel reports with the `reference`.
    """
    channel = outlet(runtime)
    if channel is None or not urn.startswith("tel:"):
        return "no channel"
    try:
        await channel.ring(urn, words, thanks, language, reference)
    except Failure as failure:
        log.warning("a call could not be placed", action="ringing.failed", channel=channel.name, error=failure.detail)
        return type(failure).__name__
    return None
