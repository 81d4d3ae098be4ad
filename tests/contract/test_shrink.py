"""A contract file without some of the usual columns loads, without what was made of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.derived import ColumnKind
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.contract.shrink import USUAL_COLUMNS
from gateway.query.bind.derivation import bind_derivation
from tests.support.examples import examples

TEXT = built_in_contract()
NOW = datetime(2025, 1, 1, tzinfo=UTC)
REMOVABLE = sorted(USUAL_COLUMNS - {"id"})


def without(names: set[str]) -> str:
    """The shipped file without these columns; without `updatedAt`, no column orders the rows."""
    head, *tables = TEXT.split("[[columns]]\n")
    kept, rest = [], ""
    for table in tables:
        own, blank, rest = table.partition("\n\n")
        name = own.split('"')[1]
        kept += [] if name in names else [f"[[columns]]\n{own}{blank}"]
    text = "".join((head, *kept, rest))
    return text.replace('order_by = "updatedAt"', "") if "updatedAt" in names else text


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", re.sub(r"'[^']*'", "", text)))


def check_references(contract: Contract, removed: set[str]) -> None:
    columns = {column.name for column in contract.columns}
    assert not columns & removed
    for derived in contract.derived:
        own = set(derived.entity_set.entity_type.names)
        assert set(derived.unnest) <= columns
        for column in derived.columns:
            sources = own if column.kind is ColumnKind.DIGEST else columns
            assert not column.of or column.of in sources, (
                derived.entity_set.name,
                column.prop.name,
            )
            assert not words(column.where) & removed
        bind_derivation(derived, contract, NOW)
    for statistic in contract.statistics:
        assert not statistic.column or statistic.column in columns
    for entity_set in contract.schema.entity_sets:
        for link in entity_set.entity_type.navigation:
            assert contract.schema.find_set(link.target) is not None


@examples(200)
@given(st.sets(st.sampled_from(REMOVABLE)))
def test_what_is_made_of_missing_columns_is_left_out(removed: set[str]) -> None:
    contract = load_contract(without(removed), (("Region", "cf_1"),))
    check_references(contract, removed)


@pytest.mark.parametrize("removed", ["userId", "contentId", "state", "groupIds", "expiryDate"])
def test_what_is_left_out_is_listed(removed: str) -> None:
    assert load_contract(without({removed})).left_out


def test_without_missing_columns_nothing_is_left_out() -> None:
    assert load_contract(TEXT).left_out == ()
