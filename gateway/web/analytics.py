"""The figures of a period for staff: charts, each with its table and its CSV, and the same for programs as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from babel.dates import format_date
from babel.numbers import format_compact_decimal

from gateway import clock
from gateway.casework import analytics, periods
from gateway.casework.analytics import Line, Measures, Report
from gateway.casework.periods import By, Period, Question, Span
from gateway.errors import BadInput, NotFound
from gateway.web import csv_files, labels, measures, plots
from gateway.web.console import draw
from gateway.web.keys import DRAWING, LANGUAGE, RUNTIME
from gateway.web.measures import CHARTS, COLUMNS, Chart, Unit
from gateway.web.plots import Item, Plot
from store.figures import NONE, OTHERS

# Rows of a table on the page; the CSV has them all.
MOST_ROWS = 100
DATES = {"zh": ("M月d日", "y年M月d日", "y年M月"), "en": ("d MMM", "d MMM y", "MMM y")}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of all together, in words, beside the other period."""

    words: str
    value: str
    before: str | None
    change: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One chart as the page shows it."""

    key: str
    chart: Chart
    plot: Plot
    lying: bool
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int
    csv: str
    empty: bool


def routes() -> list[web.RouteDef]:
    """Their addresses; all staff may read them."""
    return [
        web.get("/console/analytics", _page),
        web.get("/console/analytics/{chart}.csv", _csv),
        web.get("/api/v1/console/analytics", _json),
    ]


def namer(request: web.Request, question: Question) -> Callable[[str], str]:
    """What the values of the dimension are called in the language of a request."""
    language, settings = request[LANGUAGE], request.app[RUNTIME].settings
    say = partial(request.app[DRAWING].say, language)
    listed: Mapping[By, Sequence[Any]] = {
        By.CATEGORY: settings.known_categories,
        By.DEPARTMENT: settings.known_departments,
    }
    named = {one.slug: one.name for one in listed.get(question.by, ())}

    def name(value: str) -> str:
        if question.by is By.TIME and question.along is None:
            return _when(value, language)
        if question.along is not None and question.along == "hour":
            return f"{value}:00"
        if value == NONE and question.by is By.PLACE:
            return say(measures.NO_PLACE)
        if value in (NONE, OTHERS):
            return say(measures.NAMELESS[value])
        if question.by is By.CHANNEL:
            return say(labels.medium(value))
        names = named.get(value)
        return value if names is None else str(names.get(language) or next(iter(names.values())))

    return name


def charts(request: web.Request, report: Report) -> list[Shown]:
    """The charts of a report, in the language of a request."""
    name = namer(request, report.question)
    found = measures.charts(report.question.by).items()
    return [_shown(request, report, key, chart, name) for key, chart in found]


def drawn(language: str) -> dict[str, Any]:
    """What `plots.html` must know."""
    return {
        "columns": COLUMNS,
        "number_words": lambda number: measures.written(number, Unit.NUMBER, language),
        "lasting_words": lambda seconds: measures.lasting(seconds, language),
        "short_words": lambda number: format_compact_decimal(number, locale=language, fraction_digits=1),
        "base": plots.HEIGHT,
        "left": plots.LEFT,
        "foot": plots.FOOT,
        "thick": plots.BAR,
    }


async def _page(request: web.Request) -> web.Response:
    fault, status = None, 200
    try:
        question = _asked(request)
    except BadInput as error:
        # What was typed stays in the form; below it, what is usually shown.
        fault, status, question = error, error.status, periods.ask({}, _today(request))
    report = await analytics.report(request.app[RUNTIME], question)
    typed = {name: request.query.get(name, "")[:20] for name in ("period", "against", "by", "first", "last")}
    chosen: dict[str, str] = {"period": question.period, "against": question.against, "by": question.by}
    chosen |= {"first": question.now.first.isoformat(), "last": question.now.last.isoformat()}
    return await draw(
        request,
        "console/analytics.html",
        status,
        fault=fault,
        chosen={name: typed[name] if fault and typed[name] else value for name, value in chosen.items()},
        choices={"period": measures.PERIODS, "against": measures.AGAINST, "by": measures.BY},
        span=_span(question.now, request[LANGUAGE]),
        other=_span(question.before, request[LANGUAGE]) if question.before else None,
        running=question.now.last >= _today(request),
        report=report,
        figures=[_figure(request, column, report.total) for column in measures.SUMMARY],
        charts=charts(request, report),
        anything=any(_something(line) for line in (report.total, *report.lines)),
        **drawn(request[LANGUAGE]),
    )


async def _csv(request: web.Request) -> web.Response:
    key = request.match_info["chart"]
    question = _asked(request)
    chart = measures.charts(question.by).get(key)
    if chart is None:
        raise NotFound("there is no such chart")
    report = await analytics.report(request.app[RUNTIME], question)
    name = namer(request, question)
    beside = question.before is not None
    before = [f"{column}_before" for column in chart.told] if beside else []
    header = [question.by, "name", *chart.told, *(["before"] if beside else []), *before]
    rows = []
    for line in report.lines:
        now = [COLUMNS[column].of(line.now) for column in chart.told]
        was = [COLUMNS[column].of(line.before) if line.before else None for column in chart.told]
        rows.append([line.value, name(line.value), *now, *([line.other, *was] if beside else [])])
    span = f"{question.now.first}-{question.now.last}"
    return csv_files.answer(f"everyline-{key}-by-{question.by}-{span}", header, rows)


async def _json(request: web.Request) -> web.Response:
    question = _asked(request)
    report = await analytics.report(request.app[RUNTIME], question)
    shown = [column for key in measures.charts(question.by) for column in CHARTS[key].told]

    def facts(found: Measures | None) -> dict[str, Any] | None:
        return {column: COLUMNS[column].of(found) for column in shown} if found else None

    def line(one: Line) -> dict[str, Any]:
        return {"value": one.value, "now": facts(one.now), "before": facts(one.before), "compared_with": one.other}

    return web.json_response(
        {
            "period": question.period,
            "against": question.against,
            "by": question.by,
            "step": "month" if question.monthly else (question.along or "day"),
            "now": _days(question.now),
            "before": _days(question.before) if question.before else None,
            "uncounted_days": report.uncounted,
            "total": {"now": facts(report.total.now), "before": facts(report.total.before)},
            "items": [line(one) for one in report.lines],
        }
    )


def _shown(request: web.Request, report: Report, key: str, chart: Chart, name: Callable[[str], str]) -> Shown:
    language, question = request[LANGUAGE], report.question
    say = partial(request.app[DRAWING].say, language)
    upright = question.by in (By.TIME, By.HOUR)
    items = [_item(chart, line, name, language) for line in report.lines]
    if not upright:
        items = [item for item in items if any(item.parts) or item.before]
    plot = (plots.upright if upright else plots.lying)(items, timed=chart.timed)
    return Shown(
        key,
        chart,
        plot,
        not upright,
        _header(chart, question, say),
        [_row(chart, question, line, name, language) for line in report.lines[:MOST_ROWS]],
        max(0, len(report.lines) - MOST_ROWS),
        f"/console/analytics/{key}.csv?{urlencode(_query(question))}",
        not any(any(item.parts) or item.before for item in items),
    )


def _item(chart: Chart, line: Line, name: Callable[[str], str], language: str) -> Item:
    found = [COLUMNS[column].of(line.now) for column in chart.parts]
    before = [COLUMNS[column].of(line.before) for column in chart.parts] if line.before else []
    unit = COLUMNS[chart.parts[0]].unit
    said = " · ".join(measures.written(number, unit, language) for number in found)
    if chart.timed:
        parts = [] if found[0] is None else [int(number or 0) for number in found]
        was = None if not before or before[0] is None else int(before[0])
    else:
        parts = [int(number or 0) for number in found]
        was = sum(int(number or 0) for number in before) if before else None
    shown = name(line.value)
    return Item(shown, parts, was, f"{shown}: {said}")


def _header(chart: Chart, question: Question, say: Callable[[str], str]) -> list[str]:
    words = [say(COLUMNS[column].words) for column in chart.told]
    before = [say(measures.BEFORE) % {"what": one} for one in words] if question.before else []
    return [say(measures.BY[question.by]), *words, *before]


def _row(chart: Chart, question: Question, line: Line, name: Callable[[str], str], language: str) -> list[str]:
    def numbers(found: Measures | None) -> list[str]:
        columns = [COLUMNS[column] for column in chart.told]
        return [measures.written(one.of(found) if found else None, one.unit, language) for one in columns]

    return [name(line.value), *numbers(line.now), *(numbers(line.before) if question.before else [])]


def _figure(request: web.Request, key: str, total: Line) -> Figure:
    language, column = request[LANGUAGE], COLUMNS[key]
    now, before = column.of(total.now), column.of(total.before) if total.before else None
    grown = None if column.unit is Unit.SHARE else measures.change(now, before)
    return Figure(
        request.app[DRAWING].say(language, column.words),
        measures.written(now, column.unit, language),
        measures.written(before, column.unit, language) if total.before else None,
        None if grown is None else f"{'+' if grown > 0 else '−' if grown < 0 else '±'}{abs(grown):.0%}",
    )


def _asked(request: web.Request) -> Question:
    return periods.ask(request.query, _today(request))


def _today(request: web.Request) -> date:
    return clock.now().astimezone(request.app[RUNTIME].settings.city.zone).date()


def _query(question: Question) -> dict[str, str]:
    asked: dict[str, str] = {"period": question.period, "against": question.against, "by": question.by}
    if question.period is Period.OWN:
        asked |= {"first": question.now.first.isoformat(), "last": question.now.last.isoformat()}
    return {key: str(value) for key, value in asked.items()}


def _something(line: Line) -> bool:
    both = (line.now, line.before)
    return any(column.of(found) for found in both if found for column in COLUMNS.values())


def _when(value: str, language: str) -> str:
    """A day or a month."""
    day, _, month = DATES[language]
    if len(value) == len("2026-03"):
        return format_date(date.fromisoformat(f"{value}-01"), month, locale=language)
    return format_date(date.fromisoformat(value), day, locale=language)


def _span(span: Span, language: str) -> str:
    whole = DATES[language][1]
    ends = [format_date(day, whole, locale=language) for day in (span.first, span.last)]
    return ends[0] if span.days == 1 else " – ".join(ends)


def _days(span: Span) -> dict[str, str]:
    return {"first": span.first.isoformat(), "last": span.last.isoformat()}
