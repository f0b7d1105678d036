"""How large a picture's preview is, and what a sound looks like."""

from collections.abc import Sequence


def fitted(width: int | None, height: int | None, side: int) -> tuple[int, int]:
    """How large a preview with sides of at most `side` is, of a picture of this size."""
    if not width or not height:
        return side, side
    scale = min(1, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def wave(peaks: Sequence[int]) -> str:
    """The picture of a sound as an SVG path: a line for each peak, about the middle of a height of 100."""
    return "".join(
        f"M{at + 0.5:g} {50 - height / 2:g}V{50 + height / 2:g}"
        for at, peak in enumerate(peaks)
        if (height := max(peak, 2))
    )
