"""docs/conformance.md says what is so: each example is asked, each named test is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.docs.conformance import (
    ANSWERS,
    IN_WORK,
    PAGE,
    Row,
    ask,
    complaints,
    missing_tests,
    read_rows,
)
from tests.support.live import Bridge
from tests.support.six_rows import six_rows_bridge

ROWS = read_rows(PAGE.read_text("utf-8"))
DONE = [row for row in ROWS if row.answer != IN_WORK]
SHOWN = [row for row in DONE if row.example]


@pytest.fixture(scope="module")
def six_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """All rows are read before the first example, so that no page is an early one."""
    with six_rows_bridge(tmp_path_factory.mktemp("conformance")) as running:
        assert len(running.feed("Results")) == 6
        yield running


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.clause)
def test_every_example_is_answered_as_the_page_says(six_rows: Bridge, row: Row) -> None:
    answer = ask(six_rows.root, row)
    assert complaints(six_rows.root, row, answer) == [], answer.text[:2_000]
    assert answer.every("OData-Version") in (["4.0"], ["4.01"])


@pytest.mark.parametrize("row", DONE, ids=lambda row: row.clause)
def test_every_row_names_tests_that_are_there(row: Row) -> None:
    assert row.tests
    assert missing_tests(row) == []


def test_the_rows_are_well_formed() -> None:
    for row in ROWS:
        assert row.clause
        assert row.what
        assert row.must in ("MUST", "SHOULD", "MAY", "if"), row
        assert ANSWERS.fullmatch(row.answer), row
        assert bool(row.example) is bool(row.expected), row
    for row in SHOWN:
        assert row.answer in ("yes", "no", "void", f"refused {row.status}"), row
    assert {row.answer for row in DONE if not row.example} == {"yes"}


def test_no_clause_is_doubled() -> None:
    counted = Counter(row.clause for row in ROWS)
    assert [clause for clause, number in counted.items() if number > 1] == []


def test_the_levels_are_there_without_a_gap() -> None:
    """The items of the six levels are numbered as in Protocol 13; 13.2.1-14 is about writing."""
    last = {"13.1.1": 17, "13.1.2": 17, "13.1.3": 16, "13.2.1": 17, "13.2.2": 11, "13.2.3": 10}
    wanted = {(level, item) for level, count in last.items() for item in range(1, count + 1)}
    split = [row.clause.partition("-") for row in ROWS if row.clause.startswith("13.")]
    found = {(level, int(item.partition(".")[0])) for level, _, item in split}
    assert wanted - found == {("13.2.1", 14)}


def test_the_page_s_own_checks_would_find_what_is_wrong(six_rows: Bridge) -> None:
    """A wrong status, header, context, key and text are each complained of; so is a lost test."""
    row = next(row for row in DONE if row.clause == "13.1.2-3")
    answer = ask(six_rows.root, row)
    for wrong in ("X-None: 1", "$metadata#Users", "[u1_c1]", "+nowhere at all", "-value", "=value"):
        changed = replace(row, expected=("418", wrong))
        assert complaints(six_rows.root, changed, answer) == ["200", wrong]
    names = (
        "tests/docs/test_conformance.py::test_nowhere",
        "tests/nowhere.py::test_x",
        "README.md",
    )
    assert missing_tests(replace(row, tests=names)) == [*names]
    with pytest.raises(ValueError, match="cells"):
        read_rows("| clause | must |\n|--|--|\n| 1 | MUST |\n")
