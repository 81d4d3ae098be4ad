"""Every variation and profile responds in its own form, with the rows of the truth."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.sandbox import generate
from gateway.sandbox.variations import (
    PROFILES,
    VARIATIONS,
    Variant,
    Variation,
    create_variant,
    merge,
    truth,
)
from gateway.sandbox.variations.selection import LIST_ROLES, Role
from gateway.sandbox.variations.words import ENROLLMENT_TYPES, STATES
from tests.support.examples import examples
from tests.support.variant_oracle import is_applied, values_of, wanted_rows
from tests.support.variants import Ask, ask_results, comparable, opened, read, read_rows

LIKENESSES = {**VARIATIONS, **PROFILES}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = 50
DATASET = generate(80)
ROWS: list[dict[str, Any]] = DATASET.to_rows()


async def no_sleep(_seconds: float) -> None:
    """Return at once."""


def start(variation: Variation, secret: str = "s" * 32) -> Variant:
    return create_variant(variation, DATASET, secret=secret, clock=lambda: NOW, sleep=no_sleep)


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(sorted(rounded(row).items())) for row in rows)


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    progress = row.get("progress")
    return row if progress is None else row | {"progress": round(float(progress), 4)}


async def read_pages(variant: Variant, ask: Ask, pages: int) -> list[dict[str, Any]]:
    """Read that many pages, by cursor where the API has one."""
    variation = variant.variation
    found: list[dict[str, Any]] = []
    async with opened(variant) as client:
        for number in range(pages):
            response = await ask_results(client, variant, ask.at(number * ask.limit))
            assert response.status_code == variation.status.success, response.text
            found += read_rows(response.json(), variation)
            ask = ask.after(read(response.json(), variation.envelope.next_cursor))
    return found


def read_all(variant: Variant, ask: Ask, rows: int) -> list[dict[str, Any]]:
    return asyncio.run(read_pages(variant, ask, max(1, -(-rows // ask.limit))))


@pytest.mark.parametrize("name", LIKENESSES)
def test_a_whole_feed_is_the_truth(name: str) -> None:
    variant = start(LIKENESSES[name])
    variation = variant.variation
    wanted = [comparable(row, variation) for row in truth(variant.store.rows, variation)]
    found = read_all(variant, Ask(limit=PAGE), len(wanted))
    if variation.order.unordered == "reshuffled":
        assert len(found) == len(wanted)
    elif not variation.paging.position_obeyed:
        assert found[:PAGE] * 2 == found
    elif variation.population.hidden == "unfiltered" or variation.ranges.since:
        assert counted(found) < counted(wanted)
    else:
        assert counted(found) == counted(wanted)


instants = st.builds(
    lambda row, name, days, milliseconds: (
        datetime.fromisoformat(row[name]) + timedelta(days=days, milliseconds=milliseconds)
    ),
    st.sampled_from([row for row in ROWS if row["expiryDate"]]),
    st.sampled_from(["updatedAt", "expiryDate"]),
    st.integers(-30, 30) | st.just(0),
    st.sampled_from([-1, 0, 1, 1_000]),
)
ranges = st.none() | st.tuples(instants, st.integers(0, 400)).map(
    lambda pair: (pair[0], pair[0] + timedelta(days=pair[1]))
)
FIELDS = [
    (field["customFieldId"], field["value"])
    for row in ROWS
    for field in row["user"]["customFields"]
    if field["value"] is not None
]


def values_for(role: Role) -> st.SearchStrategy[list[str]]:
    known = {"states": STATES, "enrollment_types": ENROLLMENT_TYPES}.get(role) or sorted(
        {value for row in ROWS for value in values_of(row, role)}
    )
    return st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True)


asks = st.builds(
    Ask,
    limit=st.just(PAGE),
    lists=st.fixed_dictionaries({}, optional={role: values_for(role) for role in LIST_ROLES}),
    custom=st.none()
    | st.sampled_from(FIELDS).map(lambda field: (field[0], [field[1], "no such value"])),
    updated=ranges,
    expiry=ranges,
)
combinations = st.lists(st.sampled_from(list(LIKENESSES)), min_size=1, max_size=4).map(
    lambda names: merge(*(LIKENESSES[name] for name in names))
)


def is_possible(variation: Variation, ask: Ask) -> bool:
    """Return whether the combination can exist, and knows all that is asked."""
    cursor_is_lost = variation.paging.kind == "cursor" and not variation.envelope.rows
    no_user_id = variation.user.shape == "id_only" and variation.user.id is None
    asked: list[Role] = [*ask.lists, *(["custom_fields"] if ask.custom else [])]  # type: ignore[list-item]
    known = not variation.filters.absent & set(asked)
    unknown_range = (ask.updated and variation.ranges.updated_at_support == "absent") or (
        ask.expiry and variation.ranges.expiry_date_support == "absent"
    )
    paging = variation.paging
    unpaged = not paging.position_obeyed or (
        not paging.limit_obeyed and paging.default_size != PAGE
    )
    both = variation.filters.required & variation.filters.single
    return not (cursor_is_lost or unpaged or no_user_id or both or unknown_range) and known


@given(variation=combinations, ask=asks)
@examples(300)
def test_filters_of_any_combination_return_the_rows_that_match(
    variation: Variation, ask: Ask
) -> None:
    assume(is_possible(variation, ask))
    variant = start(variation)
    wanted = wanted_rows(variant, ask)
    found = read_all(variant, ask, len(wanted))
    if variation.order.unordered == "reshuffled" and len(wanted) > PAGE:
        assert len(found) == len(wanted)
    else:
        assert counted(found) == counted(wanted)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        (name, role)
        for name in VARIATIONS
        for role in LIST_ROLES
        if "filter" in name and role not in VARIATIONS[name].filters.absent
    ],
)
def test_each_filter_of_each_form_returns_the_rows_that_match(name: str, role: Role) -> None:
    variant = start(VARIATIONS[name])
    values = sorted({value for row in ROWS for value in values_of(row, role)})[:2]
    ask = Ask(limit=PAGE, lists={role: values})
    wanted = wanted_rows(variant, ask)
    assert counted(read_all(variant, ask, len(wanted))) == counted(wanted)
    if is_applied(role, variant.variation):
        assert len(wanted) < len(ROWS)


def test_names_are_unique_and_each_variation_differs() -> None:
    assert not VARIATIONS.keys() & PROFILES.keys()
    assert len(set(map(repr, LIKENESSES.values()))) == len(LIKENESSES)
    assert VARIATIONS["assumed"] == Variation()


@given(combinations)
def test_a_variation_merged_with_the_default_is_unchanged(variation: Variation) -> None:
    assert merge(variation, Variation()) == merge(Variation(), variation) == variation
