"""Request bodies: only what the contract names, and never an empty list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.analytics.read.request import PageRequest, to_payload
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract, RangeFilter
from gateway.planner.pushdown import Pushdown, PushedRange, PushedTerm, PushedValues
from tests.analytics.small_contract import small_contract
from tests.support.examples import examples

CONTRACT = load_contract(built_in_contract(), (("department", "d 1"), ("region", "r 2")))
FILTERED = [c for c in CONTRACT.columns if c.filter is not None]
INSTANTS = st.integers(0, 4 * 10**12).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
NAMES = {
    *("groupIds", "userIds", "contentIds", "states", "enrollmentTypes"),
    *("customFields", "customFields.customFieldId", "customFields.values"),
    *("updatedAtDateRange.from", "updatedAtDateRange.to"),
    *("expiryDateRange.from", "expiryDateRange.to"),
    *("options.limit", "options.skip", "options.orderBy", "options.order"),
}

RANGES = {"updatedAt": "updatedAtDateRange", "expiryDate": "expiryDateRange"}


@st.composite
def requests(draw: st.DrawFn) -> PageRequest:
    terms: list[PushedTerm] = []
    for column in draw(st.lists(st.sampled_from(FILTERED), unique=True)):
        if isinstance(column.filter, RangeFilter):
            ends = draw(st.tuples(st.none() | INSTANTS, st.none() | INSTANTS))
            terms.append(PushedRange(column.name, *ends))
        else:
            values = draw(st.lists(st.text(max_size=3), min_size=1, max_size=3))
            terms.append(PushedValues(column.name, tuple(values)))
    skip, limit = draw(st.integers(0, 10**9)), draw(st.integers(1, 1000))
    return PageRequest(Pushdown(tuple(terms)), skip, limit, "updatedAt", draw(st.booleans()))


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield from leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(node, list) and node and isinstance(node[0], dict):
        for child in node:
            yield from leaves(child, path)
    else:
        yield path, node


@examples(100, suppress=[HealthCheck.too_slow])
@given(requests())
def test_a_body_names_only_members_of_the_contract_and_says_all_terms(request: PageRequest) -> None:
    body = to_payload(request, CONTRACT)
    found = list(leaves(body))
    assert {name for name, _ in found} <= NAMES
    assert all(value not in ([], {}, None, "") for _, value in found)
    said = [value for name, value in found if not name.startswith("options.")]
    for term in request.pushdown.terms:
        if isinstance(term, PushedValues):
            assert list(term.values) in said
        else:
            sent = body.get(RANGES[term.column], {})
            ends = {"from": term.lower, "to": term.upper}
            assert {name: datetime.fromisoformat(text) for name, text in sent.items()} == {
                name: end for name, end in ends.items() if end is not None
            }


def page(*terms: PushedTerm) -> PageRequest:
    return PageRequest(Pushdown(terms), 0, 5, "changed")


def test_a_whole_body() -> None:
    request = PageRequest(
        Pushdown(
            (
                PushedValues("state", ("FAILED",)),
                PushedRange("updatedAt", datetime(2024, 2, 29, 1, 2, 3, 4000, UTC), None),
                PushedValues("department", ("x",)),
                PushedValues("region", ("y", "z")),
            )
        ),
        2000,
        1000,
        "updatedAt",
    )
    assert to_payload(request, CONTRACT) == {
        "states": ["FAILED"],
        "updatedAtDateRange": {"from": "2024-02-29T01:02:03.004Z"},
        "customFields": [
            {"customFieldId": "d 1", "values": ["x"]},
            {"customFieldId": "r 2", "values": ["y", "z"]},
        ],
        "options": {"limit": 1000, "skip": 2000, "orderBy": "updatedAt", "order": "DESC"},
    }


@pytest.mark.parametrize(
    "term",
    [
        PushedValues("state", ()),
        PushedValues("id", ("a",)),
        PushedValues("changed", ("a",)),
        PushedRange("state", None, None),
    ],
    ids=str,
)
def test_what_the_contract_cannot_say_is_a_fault_and_not_left_out(term: PushedTerm) -> None:
    with pytest.raises(AssertionError, match="cannot say"):
        to_payload(page(term), small_contract())


def test_two_columns_with_one_filter_do_not_overwrite_each_other() -> None:
    contract = small_contract()
    states = contract.column("state")
    twin = replace(states, prop=replace(states.prop, name="twin"))
    both = replace(contract, columns=(*contract.columns, twin))
    with pytest.raises(AssertionError, match="share the filter states"):
        to_payload(page(PushedValues("state", ("A",)), PushedValues("twin", ("B",))), both)


def test_a_coarse_grid_is_sent_as_whole_seconds() -> None:
    contract: Contract = small_contract(resolution=1000)
    moment = datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)
    body = to_payload(page(PushedRange("changed", moment, moment)), contract)
    assert body["changed"] == {"from": "2024-02-29T01:02:03Z", "to": "2024-02-29T01:02:03Z"}
