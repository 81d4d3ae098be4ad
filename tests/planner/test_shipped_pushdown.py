"""The table in docs/explanation/pushdown.md is what the contract that ships really sends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.planner.explain import explain_pushdown
from tests.planner.cases import SHIPPED, plan_of

_PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "pushdown.md"
_ROWS = re.findall(r"^\| `(.*)` \| (.*) \|$", _PAGE.read_text("utf-8"), re.MULTILINE)


def test_the_table_is_there() -> None:
    columns = {re.split(r"[ /]", condition)[0] for condition, _ in _ROWS}
    filtered = {column.name for column in SHIPPED.columns if column.filter is not None}
    assert columns == filtered


@pytest.mark.parametrize(("condition", "sent"), _ROWS)
def test_a_condition_is_sent_as_the_table_says(condition: str, sent: str) -> None:
    plan = plan_of(f"$filter={condition}", SHIPPED)
    assert explain_pushdown(plan.pushdown) == sent.strip("`").removeprefix("nothing: ")
