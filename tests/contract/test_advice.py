"""The advice in a refusal of the contract is followed here: what it leads to loads and reads."""

from __future__ import annotations

import json
import re

import pytest

from gateway.analytics.read.page import PageReader
from gateway.contract.loader import built_in_contract, load_contract
from gateway.errors import UpstreamBrokeContract
from gateway.query.bind.derivation import check_derivations
from tests.faults.test_odd_rows import sound

TEXT = built_in_contract()
OPEN = [c.name for c in load_contract(TEXT).columns if c.prop.nullable and not c.prop.collection]
NEVER_NULL = "nullable = false\n"


def with_line(name: str, line: str) -> str:
    """The contract with one line more for a column."""
    start = TEXT.index(f'name = "{name}"\npath')
    end = TEXT.index("label =", start)
    return TEXT[:end] + line + TEXT[end:]


def refusal(text: str, row: dict[str, object]) -> str:
    body = json.dumps({"total": 2, "results": [sound(1), row]}).encode()
    with pytest.raises(UpstreamBrokeContract) as raised:
        PageReader(load_contract(text)).read(body)
    return raised.value.message


def reads(text: str, row: dict[str, object]) -> None:
    contract = load_contract(text)
    check_derivations(contract)
    body = json.dumps({"total": 2, "results": [sound(1), row]}).encode()
    assert PageReader(contract).read(body).rows.num_rows == 2


@pytest.mark.parametrize("name", OPEN)
def test_a_column_that_is_called_never_null_may_be_called_nullable(name: str) -> None:
    text, row = with_line(name, NEVER_NULL), {**sound(2), "user": None, "content": None}
    row |= dict.fromkeys(("progress", "state", "enrollmentType"))
    message = refusal(text, row)
    assert f"set nullable = true for the column {name}" in message
    reads(with_line(name, "nullable = true\n"), row)


@pytest.mark.parametrize("name", ["state", "enrollmentType"])
def test_an_unlisted_value_may_be_listed_or_the_list_opened(name: str) -> None:
    row = {**sound(2), name: "NEW"}
    closed = with_line(name, "closed = true\n")
    message = refusal(closed, row)
    assert f"add it to `values` of the column {name}" in message
    assert "or set closed = false there" in message
    reads(with_line(name, "closed = false\n"), row)
    start = closed.index(f'name = "{name}"\npath')
    listed = re.sub(r"values = \[", 'values = ["NEW", ', closed[start:], count=1)
    reads(closed[:start] + listed, row)


@pytest.mark.parametrize(("name", "words"), [("id", "`key`"), ("updatedAt", "`order_by`")])
def test_what_cannot_be_nullable_is_not_advised_to_be(name: str, words: str) -> None:
    message = refusal(TEXT, {**sound(2), name: None})
    assert words in message
    assert "nullable" not in message
    assert "row 2 of a page" in message
