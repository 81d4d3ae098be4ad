"""[statistics] of a contract file: optional, and refused when it does not fit the columns."""

from __future__ import annotations

import re

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.statistics import Measure
from gateway.errors import ConfigurationProblem

TEXT = built_in_contract()
_ENTRY = '[statistics.{name}]\nkind = "{kind}"\nmember = "{member}"\nexact = {exact}\n'


def entry(name: str, kind: str, member: str = "more", column: str = "", exact: str = "true") -> str:
    """One more table."""
    text = _ENTRY.format(name=name, kind=kind, member=member, exact=exact)
    return text + (f'column = "{column}"\n' if column else "")


def without_statistics() -> str:
    head, _, rest = TEXT.partition("[statistics.total]")
    return head + rest[rest.index("[extract]") :]


def test_what_the_built_in_contract_takes_from_the_statistics() -> None:
    found = {s.name: (s.measure, s.column) for s in load_contract(TEXT).statistics if s.exact}
    assert found == {
        "total": (Measure.ROWS, ""),
        "users": (Measure.DISTINCT, "userId"),
        "contents": (Measure.DISTINCT, "contentId"),
        "certificates": (Measure.NOT_NULL, "certificateIssuedAt"),
        "states": (Measure.VALUES, "state"),
        "enrollment_types": (Measure.VALUES, "enrollmentType"),
    }


def test_the_section_may_be_left_out_and_is_part_of_the_fingerprint() -> None:
    contract = load_contract(without_statistics())
    assert contract.statistics == ()
    assert contract.fingerprint != load_contract(TEXT).fingerprint
    path = load_contract(without_statistics() + entry("all", "rows", "sums.of.rows"))
    assert path.statistics[0].member == ("sums", "of", "rows")


@pytest.mark.parametrize(
    ("added", "words"),
    [
        (entry("a", "rows", column="userId"), "[statistics.a] column = 'userId' counts rows"),
        (entry("a", "distinct"), "[statistics.a] column = '' must name one of [[columns]]"),
        (entry("a", "distinct", column="nobody"), "'nobody' must name one of [[columns]]"),
        (entry("a", "distinct", column="groupIds"), "'groupIds' must name one of [[columns]]"),
        (entry("a", "distinct", column="region"), "'region' must name one of [[columns]]"),
        (entry("a", "values", column="userId"), "must name a column with `values`"),
        (entry("a", "values", column="progress"), "must name a column with `values`"),
        (entry("a", "average", column="state"), "must name a column of numbers"),
        (entry("a", "average", column="progress"), "set exact = false"),
        (entry("a", "distinct", "users.number", "id"), "[statistics.users] and [statistics.a]"),
        (entry("a", "distinct", column="userId"), "[statistics.users] and [statistics.a]"),
        (entry("a", "sum", column="progress"), "'sum'"),
    ],
)
def test_what_does_not_fit_is_refused(added: str, words: str) -> None:
    with pytest.raises(ConfigurationProblem) as raised:
        load_contract(TEXT + "\n" + added, (("region", "cf_region"),))
    assert words in raised.value.message


def test_counts_by_value_need_listed_values() -> None:
    text = re.sub(r'values = \["MAN.*\n', "", TEXT)
    with pytest.raises(ConfigurationProblem, match="`values`"):
        load_contract(text)


@pytest.mark.parametrize("added", ["", entry("all", "rows", exact="false")])
def test_without_an_exact_number_of_rows_nothing_can_be_compared(added: str) -> None:
    text = without_statistics() + added + entry("users", "distinct", "users", "userId")
    with pytest.raises(ConfigurationProblem, match='kind = "rows" and exact = true'):
        load_contract(text)
