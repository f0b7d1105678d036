"""Where bars, points, lines and names of a chart stand."""

import pytest

from gateway.web.plots import HEIGHT, LEFT, MOST_NAMES, MOST_ROWS, Item, lying, round_above, upright


def bar(*parts: int, before: int | None = None, name: str = "x") -> Item:
    return Item(name, parts, before, name)


@pytest.mark.parametrize(("most", "above"), [(0, 2), (1, 2), (2, 2), (3, 5), (9, 10), (10, 10), (11, 20), (501, 1000)])
def test_scales_end_at_a_round_number(most: int, above: int) -> None:
    assert round_above(most) == above


def test_parts_stand_on_each_other_and_the_mark_where_the_other_period_ended() -> None:
    plot = upright([bar(2, 6, before=5), bar(0, 0)], timed=False)
    first, second = plot.bars
    assert [(part.number, part.begin, part.size) for part in first.parts] == [(0, 120, 30), (1, 30, 90)]
    assert first.before == HEIGHT / 2
    assert (second.parts, second.before) == ([], None)
    assert plot.lines == [(150, 0), (75, 5), (0, 10)]


def test_bars_lie_within_the_width_whatever_their_number() -> None:
    for number in (1, 7, 24, 92):
        plot = upright([bar(1, name=str(at)) for at in range(number)], timed=False)
        assert plot.bars[0].at > LEFT
        assert plot.bars[-1].at + plot.bars[-1].width <= 100
        assert len(plot.names) <= MOST_NAMES


def test_times_stand_on_a_scale_of_their_own_from_a_line_to_a_line() -> None:
    plot = upright([bar(60, 600), bar()], timed=True)
    assert [says for _, says in plot.lines] == [60, 600]
    median, slow = plot.bars[0].parts
    assert (median.begin, slow.begin) == (HEIGHT, 0)
    assert plot.bars[1].parts == []


@pytest.mark.parametrize("seconds", [0, 1, 10, 86_400 * 900])
def test_any_time_has_a_place_on_its_scale(seconds: int) -> None:
    plot = lying([bar(seconds, seconds, before=seconds)], timed=True)
    assert all(0 <= part.begin <= 100 for part in plot.bars[0].parts)
    assert len(plot.lines) >= 2


def test_lying_bars_shorten_long_names_and_leave_out_the_many() -> None:
    plot = lying([bar(1, name="a" * 100)] * 50, timed=False)
    assert len(plot.bars) == MOST_ROWS
    assert plot.bars[0].name == "a" * 25 + "…"


def test_nothing_is_drawn_of_nothing() -> None:
    assert upright([], timed=True).bars == lying([], timed=False).bars == []
