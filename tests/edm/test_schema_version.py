"""A schema has a new version exactly when `$metadata` says something new."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.aliases import without_ended_aliases
from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.csdl_xml import render_csdl_xml
from gateway.service.published import ANNOUNCED, version_of, versioned

TEXT = built_in_contract()
TODAY = date(2026, 6, 30)
NAMES = st.sampled_from(["department", "region", "Cost centre", "state", "dept"])
MAPPINGS = st.dictionaries(NAMES, st.sampled_from(["f1", "f2"]), max_size=3)
DAYS = st.sampled_from([date(2026, 6, 29), TODAY, date(2026, 7, 1)])
OLD = st.dictionaries(
    st.sampled_from(["old", "older", "Users.old"]),
    st.tuples(st.sampled_from(["progress", "name"]), DAYS),
    max_size=2,
)


def published(mapping: dict[str, str], old: dict[str, tuple[str, date]]) -> tuple[str, bytes]:
    """The version of a mapping, and the whole document without its version."""
    aliases = tuple(
        (name, column, day)
        for name, (column, day) in old.items()
        if (column == "name") == name.startswith("Users.")
    )
    contract = load_contract(TEXT, tuple(mapping.items()), aliases)
    schema = without_ended_aliases(contract, TODAY).schema
    return version_of(schema), render_csdl_xml(schema, "4.0", ANNOUNCED)


@given(one=st.tuples(MAPPINGS, OLD), other=st.tuples(MAPPINGS, OLD))
def test_versions_are_equal_exactly_if_the_documents_are(
    one: tuple[dict[str, str], dict[str, tuple[str, date]]],
    other: tuple[dict[str, str], dict[str, tuple[str, date]]],
) -> None:
    (a, document_a), (b, document_b) = published(*one), published(*other)
    assert (a == b) == (document_a == document_b)


def test_the_document_with_its_version_has_the_version_of_the_one_without() -> None:
    contract = versioned(load_contract(TEXT))
    assert contract.schema.version
    assert versioned(contract) == contract
    other = replace(contract.schema, version="another")
    assert version_of(other) == contract.schema.version
