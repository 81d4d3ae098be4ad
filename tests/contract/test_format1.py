"""Contract files of format 1 mean what they meant."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from gateway.contract.derived import DerivedSet
from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem
from tests.contract.test_loader import Change, put

TEXT = (Path(__file__).parent / "format1.toml").read_text("utf-8")
"""The file that shipped while there was format 1 only."""
FIELDS = (("department", "cf_1"), ("Cost centre", "cf_2"))


def comparable(contract: Contract) -> Contract:
    """The contract without its fingerprint and the numbers of lines, which differ."""
    return replace(contract, fingerprint="", derived=tuple(map(_without_lines, contract.derived)))


def _without_lines(derived: DerivedSet) -> DerivedSet:
    return replace(derived, columns=tuple(replace(c, place="") for c in derived.columns))


def test_the_file_of_format_1_is_the_shipped_contract() -> None:
    old, new = (load_contract(text, FIELDS) for text in (TEXT, built_in_contract()))
    assert comparable(old) == comparable(new)
    assert old.is_plain


def test_sources_and_limits_of_filters_are_kept() -> None:
    old, new = (read_file(text) for text in (TEXT, built_in_contract()))
    assert msgspec.to_builtins(old.filters) == msgspec.to_builtins(new.filters)
    assert old.columns == new.columns


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + "\n[", "contract file: "),
        (put("format = 1", "format = 2"), "Object contains unknown field"),
        (put("format = 1", 'format = "1"'), "$.format"),
        (put("[response.total]", "[response.totl]"), "totl"),
        (put("maximum = 1000", "maximum = 0"), "$.request.limit.maximum"),
        (put('[filters.users]\nkind = "values"', '[filters.users]\nkind = "value"'), "'value'"),
        (put('member = "userIds"', 'member = "groupIds"'), "'groupIds' overlaps with another"),
        (put('member = "userIds"', 'member = "options"'), "'options' overlaps"),
        (put('member = "userIds"', 'member = "options.limit.x"'), "overlaps"),
        (put('member = "userIds"', 'member = "updatedAtDateRange.from"'), "overlaps"),
        (put('member = "customFields"', 'member = "states"'), "overlaps"),
        (put("[request.limit]", "[pages]\n[request.limit]"), "`pages`"),
    ],
)
def test_a_faulty_file_is_refused(change: Change, words: str) -> None:
    with pytest.raises(ConfigurationProblem, match=re.escape(words)) as raised:
        load_contract(change(TEXT))
    assert str(raised.value).startswith("contract file: ")
