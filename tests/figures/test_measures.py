"""Measures of the Power BI files against the figures of the pages, over the same rows.

DAX cannot be run here; `apply` is the number of a measure as an OData query, which
tests/connect/test_measures.py compares with plain Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.connect.analysis import load_analysis
from gateway.contract.loader import built_in_contract, load_contract
from gateway.figures.definitions import DUE, FIGURES, VALIDITY, Figure
from gateway.figures.queries import people, totals
from gateway.figures.terms import Terms
from gateway.pages.feed import encoded_options
from gateway.sandbox import Dataset, generate
from tests.figures.measures import APART, SAME
from tests.support.live import Bridge, bridge

COLUMNS = frozenset(load_contract(built_in_contract()).schema.entity_sets[0].entity_type.names)
MEASURES = {measure.name: measure for measure in load_analysis().measures}
NAMED = {figure.name: figure for figure in FIGURES}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Bridge]:
    """Results of which some changed lately, and many end soon or have ended."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [dict(row) for row in generate(1_200, seed=11).to_rows()]
    for number, row in enumerate(rows[:600]):
        row["updatedAt"] = _text(now - timedelta(days=number % 90, hours=1))
        row["expiryDate"] = _text(now + timedelta(days=number % 130 - 30, hours=1))
    with bridge(Dataset.from_rows(rows)) as running:
        running.feed("Results?$select=id")
        yield running


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_measure(gateway: Bridge, name: str) -> int:
    (row,) = gateway.feed(f"Results?{encoded_options({'$apply': MEASURES[name].apply})}")
    return int(row["value"])


def of_figure(gateway: Bridge, figure: Figure) -> int:
    terms = Terms.of(figure.needs or VALIDITY, datetime.now(UTC), COLUMNS)
    apply = people([figure], terms) if figure.people else totals([figure], terms)
    (row,) = gateway.feed(f"Results?{encoded_options({'$apply': apply})}")
    return int(row[figure.name])


@pytest.mark.parametrize("name", SAME)
def test_these_measures_count_what_the_figure_counts(gateway: Bridge, name: str) -> None:
    number = of_measure(gateway, name)
    assert number == of_figure(gateway, NAMED[SAME[name]])
    assert number > 0


@pytest.mark.parametrize("name", APART)
def test_these_measures_count_something_else_as_documented(gateway: Bridge, name: str) -> None:
    assert of_measure(gateway, name) != of_figure(gateway, NAMED[APART[name][0]])


def test_a_measure_and_its_figure_need_the_same_meaning_of_the_date() -> None:
    assert NAMED[SAME["Overdue"]].needs == MEASURES["Overdue"].needs == DUE
