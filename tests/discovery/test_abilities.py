"""Statistics, filters by custom fields and ranges of expiry dates are found, or left out."""

from __future__ import annotations

import asyncio

import pytest

from gateway.sandbox import generate
from gateway.sandbox.variations import VARIATIONS
from tests.support.discovered import Discovered, learn_variant, start

DATASET = generate(300, seed=7)
ALL = {"total", "users", "contents", "certificates", "states", "enrollment_types"}
STATISTICS = {
    "assumed": ALL,
    "statistics-other-names": ALL,
    "statistics-nested": ALL,
    "statistics-lists": ALL - {"states", "enrollment_types"},
    "words-lower": ALL - {"states", "enrollment_types"},
    "statistics-absent": set(),
    "statistics-only-finished": set(),
    "statistics-count-people": set(),
    "statistics-ignore-filters": set(),
}
"""The members that are written down; a wrong or unknown one is not."""
FIELDS = {
    "assumed": '[{ customFieldId = "${custom_fields.id}", values = "${custom_fields.values}" }]',
    "custom-filter-object": '{ "${custom_fields.id}" = "${custom_fields.values}" }',
    "custom-filter-ignored": None,
    "custom-filter-absent": None,
}
EXPIRY = {
    "assumed": True,
    "range-epoch-seconds": True,
    "range-gte-lt": True,
    "range-both-required": True,
    "range-expiry-ignored": False,
    "range-expiry-absent": False,
}


def learn(name: str) -> Discovered:
    """Learn with calls enough for all that is tried."""
    upstream = start(VARIATIONS[name], DATASET)
    return asyncio.run(learn_variant(upstream, described=False, rare_calls=80))


@pytest.mark.parametrize("name", STATISTICS)
def test_only_statistics_that_agree_with_rows_are_written(name: str) -> None:
    found = learn(name)
    assert {statistic.name for statistic in found.contract.statistics} == STATISTICS[name]


@pytest.mark.parametrize("name", FIELDS)
def test_the_form_of_the_filter_by_custom_fields_is_found(name: str) -> None:
    found, form = learn(name), FIELDS[name]
    assert ("[filters.custom_fields]" in found.text) == (form is not None)
    assert form is None or form in found.text


@pytest.mark.parametrize("name", EXPIRY)
def test_the_range_of_expiry_dates_is_found(name: str) -> None:
    found = learn(name)
    assert ("[filters.expiry_date]" in found.text) == EXPIRY[name]
    if EXPIRY[name]:
        assert found.contract.column("expiryDate").filter is not None


def test_what_no_call_is_left_for_is_said() -> None:
    """An API that needs many questions keeps the calls for what the feed cannot do without."""
    upstream = start(VARIATIONS["range-date"], DATASET)
    found = asyncio.run(learn_variant(upstream, described=False))
    assert any("not tried, to keep the calls few" in line for line in found.said)
