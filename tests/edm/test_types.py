"""Types and names of the model."""

from __future__ import annotations

import pytest

from gateway.edm.types import PrimitiveType
from tests.edm.models import SCHEMA


@pytest.mark.parametrize(
    ("left", "right", "comparable"),
    [
        ("Edm.Int32", "Edm.Double", True),
        ("Edm.Decimal", "Edm.Int64", True),
        ("Edm.String", "Edm.String", True),
        ("Edm.String", "Edm.Double", False),
        ("Edm.Date", "Edm.DateTimeOffset", False),
        ("Edm.Boolean", "Edm.Int32", False),
    ],
)
def test_only_equal_types_and_numbers_compare(left: str, right: str, *, comparable: bool) -> None:
    assert PrimitiveType(left).comparable_with(PrimitiveType(right)) is comparable
    assert PrimitiveType(right).comparable_with(PrimitiveType(left)) is comparable


def test_names_are_case_sensitive() -> None:
    entity_set = SCHEMA.find_set("Results")
    assert entity_set is not None
    assert SCHEMA.find_set("results") is None
    assert entity_set.entity_type.find("userName") is not None
    assert entity_set.entity_type.find("username") is None
