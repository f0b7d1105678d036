"""Tables to take away: CSV as spreadsheets read it."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from gateway.schema_public import moment

# What a spreadsheet would take for a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> web.Response:
    """A file by its name without the ending. Moments are RFC 3339 in UTC, what is None is empty."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    # With its mark, or spreadsheets would not read Chinese.
    return web.Response(
        body=file.getvalue().encode("utf-8-sig"),
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}.csv"',
        },
    )


def _cell(value: Any) -> Any:
    """What people typed must not be carried out by a spreadsheet."""
    if isinstance(value, datetime):
        return moment(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
