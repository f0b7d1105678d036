"""Whether somebody is speaking, frame by frame: what tells that a caller began, and that he is done.

Loudness against a floor that follows the line's own noise. A voice has to last a little to count, so that a click, a
key's tone end or a slammed door begins nothing; and it counts on a little after it, over the gaps between words.
"""

from array import array

# Peak to peak, in sample steps: what is quieter is silence on any line.
QUIETEST = 500
# How far above the floor a voice is.
ABOVE = 3.0
# A line's own noise is never taken for louder than this at the start, as some callers speak at once.
LOUDEST_FIRST = 1500.0
# How much of the way the floor goes with each frame of 20 ms: down at once, up over seconds.
DOWN, UP = 0.5, 0.004
# Seconds of loudness until it is a voice, and for how long one counts after its end.
BEGINS, LINGERS = 0.06, 0.2


class Turns:
    """One speaker's line: `spoke` once a voice was heard at all, `silent_for` so many seconds now."""

    def __init__(self) -> None:
        self.spoke = False
        self.silent_for = 0.0
        self._floor: float | None = None
        self._loud_for = 0.0

    def frame(self, pcm: bytes, rate: int) -> bool:
        """Take in the next frame (s16le mono, 20 ms as a rule); says whether somebody is speaking now."""
        samples = array("h", pcm[: len(pcm) // 2 * 2])
        if not samples:
            return self._speaking()
        seconds = len(samples) / rate
        level = max(samples) - min(samples)
        if self._floor is None:
            self._floor = min(level, LOUDEST_FIRST)
        self._floor += (level - self._floor) * (DOWN if level < self._floor else UP)
        loud = level > max(QUIETEST, self._floor * ABOVE)
        self._loud_for = self._loud_for + seconds if loud else 0.0
        if self._loud_for >= BEGINS - 1e-9:
            self.spoke, self.silent_for = True, 0.0
        else:
            self.silent_for += seconds
        return self._speaking()

    def _speaking(self) -> bool:
        return self.spoke and self.silent_for < LINGERS
