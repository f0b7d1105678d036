"""Where on the map a house number of a road is, and where two roads cross: plane geometry on degrees, within a city."""

import math
from collections.abc import Sequence
from itertools import pairwise, product

Point = tuple[float, float]


def middle(line: Sequence[Point]) -> Point:
    """The point half way along a line of two or more points."""
    return along(line, 0.5)


def along(line: Sequence[Point], share: float) -> Point:
    """The point at a share (0 to 1) of a line's length from its first end."""
    lengths = [_distance(a, b) for a, b in pairwise(line)]
    left = min(max(share, 0.0), 1.0) * sum(lengths)
    for (a, b), length in zip(pairwise(line), lengths, strict=True):
        if left <= length and length:
            return _between(a, b, left / length)
        left -= length
    return line[-1]


def house(line: Sequence[Point], numbers: tuple[int, int], number: int) -> Point | None:
    """Where a house number is on a line with numbers at its ends; None for a number that the road does not have."""
    first, last = numbers
    if not min(numbers) <= number <= max(numbers):
        return None
    return along(line, (number - first) / (last - first) if last != first else 0.5)


def crossing(one: Sequence[Point], other: Sequence[Point]) -> Point:
    """Where two lines cross, or else the middle of where they come closest by their points."""
    for (a, b), (c, d) in product(pairwise(one), pairwise(other)):
        if (point := _meet(a, b, c, d)) is not None:
            return point
    a, b = min(product(one, other), key=lambda pair: _distance(*pair))
    return _between(a, b, 0.5)


def _meet(a: Point, b: Point, c: Point, d: Point) -> Point | None:
    """Where the stretch a-b meets the stretch c-d."""
    (ay, ax), (by, bx), (cy, cx), (dy, dx) = a, b, c, d
    turn = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    if not turn:
        return None
    on_first = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / turn
    on_second = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / turn
    return _between(a, b, on_first) if 0 <= on_first <= 1 and 0 <= on_second <= 1 else None


def _between(a: Point, b: Point, share: float) -> Point:
    return round(a[0] + (b[0] - a[0]) * share, 6), round(a[1] + (b[1] - a[1]) * share, 6)


def _distance(a: Point, b: Point) -> float:
    """In degrees of latitude; a degree of longitude is shorter the farther from the equator."""
    return math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians(a[0])))
