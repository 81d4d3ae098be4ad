"""The charts of the dashboard: the feed of each, and its rows as a table of numbers.

`charts.toml` defines the charts; the code names no columns.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from gateway.edm.model import Schema
from gateway.pages.feed import Row
from gateway.query.unlisted import Unlisted, find_unlisted
from grammar import parse_query_options


class Chart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chart; see the comment at the top of `charts.toml`."""

    name: str
    kind: str
    url: str
    label: tuple[str, ...]
    series: tuple[str, ...]
    by: str | None = None
    newest: int | None = None
    called: bool = False
    wide: bool = False


class FigureRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The feed of the key figures: one row of numbers; those in `percents` are percentages."""

    url: str
    percents: tuple[str, ...] = ()


class Gallery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole dashboard; `colours` maps a column or value to the number of its series colour."""

    colours: dict[str, int]
    figures: FigureRow
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The data of a chart: a row for each label with a number or None for each series."""

    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


@cache
def read_gallery() -> Gallery:
    """Return the built-in dashboard."""
    text = files("gateway.pages").joinpath("charts.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Gallery)


def unlisted_in(url: str, schema: Schema) -> Unlisted | None:
    """Return the first value in a feed's query that the contract file does not list, or None."""
    path, _, query = url.partition("?")
    entity_set = schema.find_set(path)
    if entity_set is None:
        return None
    pairs = (pair.partition("=") for pair in query.split("&"))
    options = parse_query_options(tuple((name, value) for name, _, value in pairs))
    return find_unlisted(options, entity_set.entity_type.properties)


def left_out(schema: Schema) -> Iterator[str]:
    """Yield a warning for each chart that compares a column with an unlisted value."""
    for chart in read_gallery().charts:
        unlisted = unlisted_in(chart.url, schema)
        if unlisted is not None:
            yield f"the dashboard leaves out the chart {chart.name!r}: {unlisted}"


def arrange(chart: Chart, rows: Iterable[Row], order: Iterable[str] = ()) -> Numbers:
    """Return a feed's rows as a chart shows them; series that are values follow `order`.

    >>> chart = Chart("m", "columns", "", ("year", "month"), ("n",), by="state", newest=2)
    >>> found = [{"year": 2025, "month": m, "state": s, "n": m} for m in (9, 8) for s in "ab"]
    >>> arrange(chart, found)
    Numbers(series=('a', 'b'), rows=(('2025-09', (9, 9)), ('2025-08', (8, 8))))
    """
    found = list(rows)
    series = _values(found, chart.by, tuple(order)) if chart.by else ()
    numbers = (
        _by_value(chart, chart.by, series, found)
        if chart.by
        else [(_label(chart, row), tuple(row[name] for name in chart.series)) for row in found]
    )
    if chart.newest is not None:
        numbers = numbers[: chart.newest]
    return Numbers(series or chart.series, tuple(numbers))


def _values(rows: list[Row], name: str, order: tuple[str, ...]) -> tuple[str, ...]:
    """Return the distinct values of a column: those in `order` first, in that order."""
    found = tuple(dict.fromkeys(_series(row[name]) for row in rows))
    return (*(v for v in order if v in found), *(v for v in found if v not in order))


def _by_value(
    chart: Chart, by: str, series: tuple[str, ...], rows: list[Row]
) -> list[tuple[str, tuple[float | None, ...]]]:
    """Return a row for each label with the number of each value of `by`, 0 if there is no row."""
    cells: dict[str, dict[str, Any]] = {}
    for row in rows:
        cells.setdefault(_label(chart, row), {})[_series(row[by])] = row[chart.series[0]]
    return [(label, tuple(found.get(name, 0) for name in series)) for label, found in cells.items()]


def _series(value: object) -> str:
    return "-" if value is None else str(value)


def _label(chart: Chart, row: Row) -> str:
    """Return a row's label, or "" if a part is null. Numbers get two digits, so months align."""
    parts = [row[name] for name in chart.label]
    if None in parts:
        return ""
    return "-".join(f"{part:02}" if isinstance(part, int) else str(part) for part in parts)
