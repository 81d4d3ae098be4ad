"""Discovery meets every variation of the API: its feed is whole and right, or clearly refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.extract.ranges import from_micros, to_micros
from gateway.contract.model import Column, CustomFieldFilter, RangeFilter
from gateway.contract.statistics import Measure
from gateway.discovery.probe.caller import DoorProblem
from gateway.errors import GatewayError
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues
from gateway.sandbox import generate
from gateway.sandbox.variations import PROFILES, VARIATIONS, merge, truth
from tests.support.discovered import (
    Discovered,
    Upstream,
    differences,
    learn_variant,
    read_feed,
    read_statistics,
    read_total,
    start,
)
from tests.support.examples import examples, sparse

LIKENESSES = {**VARIATIONS, **{f"profile {name}": one for name, one in PROFILES.items()}}
DATASET = generate(300, seed=7)

REFUSED = {
    "constant-workspace": "workspaceId",
    "header-workspace": "X-Workspace",
    "header-version": "X-Api-Version",
    "sees-nothing": "the token sees 0 rows",
    "limit-sizes": "next page|needs",
    "limit-ignored": "rows",
    "skip-ignored": "next page",
    "hidden-without-filters": "rows are missing",
    "attempts-unnumbered": "cannot be identified",
    "instants-naive-berlin": "have no zone",
    "profile archived": "X-Api-Version",
    "profile eloomi-like": "have no zone",
    "profile legacy-php": "have no zone",
}
"""A word of the refusal of each API that cannot be learnt from its responses alone."""
KEPT_WORDS = {"words-other"}
"""States in words of their own stay, and the measures of the usual ones are left out."""
WITHOUT_COLUMNS = {"instants-dotnet"}


async def meet(upstream: Upstream) -> tuple[Discovered | None, list[dict[str, Any]], str]:
    """Return what was learnt, the whole feed, and why there is none."""
    try:
        found = await learn_variant(upstream, rare_calls=80)
        if found.problems:
            return found, [], "; ".join(found.problems)
        return found, await read_feed(upstream, found), ""
    except (DoorProblem, GatewayError) as refusal:
        return None, [], refusal.message


def check_feed(
    name: str, upstream: Upstream, found: Discovered, rows: Sequence[dict[str, Any]]
) -> None:
    variant = upstream.variant
    wanted = truth(variant.store.rows, variant.variation)
    columns = {column.name for column in found.contract.columns}
    wrong = differences(rows, wanted, columns)
    if name in KEPT_WORDS:
        assert set(wrong) <= {"state", "enrollmentType"}
        assert not any("state eq" in m.where for s in found.contract.derived for m in s.columns)
        return
    assert wrong == []
    missing = set(wanted[0]) - columns - {"customFields", "attempt"}
    assert not missing or name in WITHOUT_COLUMNS, missing


@pytest.mark.parametrize("name", sparse(LIKENESSES, every=10))
def test_a_feed_is_whole_and_right_or_refused(name: str) -> None:
    async def scenario() -> None:
        upstream = start(LIKENESSES[name], DATASET)
        found, rows, refusal = await meet(upstream)
        if refusal:
            words = REFUSED.get(name)
            assert words is not None, refusal
            assert any(word in refusal for word in words.split("|")), refusal
            return
        assert name not in REFUSED
        assert found is not None
        check_feed(name, upstream, found, rows)
        if found.contract.can_verify_total:
            assert await read_total(upstream, found) == len(rows)
        if not name.startswith("pace"):  # its clients wait for minutes, which is tested elsewhere
            await check_filters(upstream, found)
            await check_rare_filters(upstream, found, rows)
            await check_statistics(upstream, found, rows)

    asyncio.run(scenario())


async def check_filters(upstream: Upstream, found: Discovered) -> None:
    """Compare what each filter returns with the truth; a loose one may return more."""
    variant = upstream.variant
    wanted = truth(variant.store.rows, variant.variation)
    for column in found.contract.columns:
        if column.filter is None or not hasattr(column.filter, "max_values"):
            continue
        listed = sorted({v for row in wanted for v in as_list(row.get(column.name))})
        known = column.prop.known_values
        usable = [v for v in listed if column.can_encode(v) and (not known or v in known)]
        for size in (1, 2, 90):
            chosen = set(usable[-min(size, column.filter.max_values) :])
            if not chosen:
                continue
            pushdown = Pushdown((PushedValues(column.name, tuple(sorted(chosen))),))
            came = len(await read_feed(upstream, found, pushdown))
            right = sum(bool(chosen & set(as_list(row.get(column.name)))) for row in wanted)
            assert came == right if column.filter.exact else came >= right, column.name


async def check_rare_filters(
    upstream: Upstream, found: Discovered, rows: Sequence[dict[str, Any]]
) -> None:
    """Compare filters by custom fields and ranges of instants with the rows of the whole feed."""
    key = found.contract.key
    for column in found.contract.columns:
        if column.filter is None or column.prop.collection:
            continue
        known = sorted({row[column.name] for row in rows} - {None}, key=str)
        asked = _rare_term(column, known)
        if asked is None:
            continue
        term, is_right = asked
        right = {row[key] for row in rows if is_right(row[column.name])}
        came = {row[key] for row in await read_feed(upstream, found, Pushdown((term,)))}
        assert came >= right, column.name
        assert came == right or not column.filter.exact, column.name


def _rare_term(
    column: Column, known: Sequence[Any]
) -> tuple[PushedTerm, Callable[[Any], bool]] | None:
    """Return a term of a filter by custom fields or of a range, and the condition of its rows."""
    if isinstance(column.filter, CustomFieldFilter):
        chosen = [value for value in known if column.can_encode(value)][:3]
        term = PushedValues(column.name, tuple(chosen))
        return (term, chosen.__contains__) if chosen else None
    if not isinstance(column.filter, RangeFilter) or len(known) < 8:
        return None
    step, filter_ = column.filter.resolution_milliseconds * 1000, column.filter
    ends = (to_micros(known[len(known) * part // 8].replace(tzinfo=UTC)) for part in (3, 6))
    lower, upper = (from_micros(end // step * step) for end in ends)
    return PushedRange(column.name, lower, upper), partial(_is_inside, filter_, lower, upper)


def _is_inside(
    filter_: RangeFilter, lower: datetime, upper: datetime, value: datetime | None
) -> bool:
    if value is None:
        return False
    at = value.replace(tzinfo=UTC)
    above = at >= lower if filter_.from_inclusive else at > lower
    return above and (at <= upper if filter_.to_inclusive else at < upper)


async def check_statistics(
    upstream: Upstream, found: Discovered, rows: Sequence[dict[str, Any]]
) -> None:
    """Compare each statistic that was learnt with the rows of the whole feed."""
    if not found.contract.statistics:
        return
    figures = await read_statistics(upstream, found)
    for statistic, number in figures.numbers.items():
        known = [v for row in rows if statistic.column and (v := row[statistic.column]) is not None]
        wanted = {
            Measure.ROWS: len(rows),
            Measure.DISTINCT: len(set(known)),
            Measure.NOT_NULL: len(known),
        }
        assert statistic.measure is Measure.VALUES or number == wanted[statistic.measure]
    for statistic, counts in figures.counts.items():
        if figures.covers(statistic, found.contract):
            assert counts == Counter(row[statistic.column] for row in rows)


def _has_new_words(names: list[str]) -> bool:
    """Return True if a new state is spelled in another way: it stays as it is."""
    return any("new" in name for name in names) and any(n.startswith("words") for n in names)


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


@pytest.mark.parametrize("name", ["assumed", "limit-100", "status-201", "unknown-members-ignored"])
def test_a_usual_api_is_learnt_in_forty_calls(name: str) -> None:
    upstream = start(LIKENESSES[name], generate(5_000, seed=7))
    asyncio.run(learn_variant(upstream))
    methods = [method for method, _ in upstream.variant.calls]
    assert methods.count("POST") <= 40
    assert methods.count("GET") <= 20
    assert set(methods) == {"POST", "GET"}


@given(st.lists(st.sampled_from(sorted(LIKENESSES)), min_size=2, max_size=3, unique=True))
@examples(40, repeatable=True)
def test_any_combination_is_right_or_refused(names: list[str]) -> None:
    """Nothing is ever silently wrong, whatever an API combines."""
    if KEPT_WORDS & set(names) or _has_new_words(names):
        return

    async def scenario() -> None:
        try:
            upstream = start(merge(*(LIKENESSES[name] for name in names)), DATASET)
        except (ValueError, KeyError, TypeError):
            return  # a combination that no API can have
        found, rows, refusal = await meet(upstream)
        if found is None or refusal:
            return
        variant = upstream.variant
        wanted = truth(variant.store.rows, variant.variation)
        columns = {column.name for column in found.contract.columns}
        assert differences(rows, wanted, columns) == []
        if found.contract.can_verify_total:
            assert await read_total(upstream, found) == len(wanted)

    asyncio.run(scenario())
