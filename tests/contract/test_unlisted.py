"""Literals that the contract does not list: an error at the start, or left out with a warning."""

from __future__ import annotations

import logging
import re

import pytest

from gateway.app import create_app
from gateway.connect.analysis import load_analysis
from gateway.connect.star import build_star, left_out
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem
from gateway.pages.charts import left_out as left_out_charts
from gateway.query.bind.derivation import check_derivations
from tests.support.live import settings_from

TEXT = built_in_contract()
STATES = '["NOT_STARTED", "IN_PROGRESS", "APPROVED", "FAILED", "EXPIRED"]'
ENROLLMENTS = '["MANDATORY", "OPTIONAL", "NOT_ENROLLED"]'


def lower_case(*lists: str, measures: bool = False, closed: bool = False) -> str:
    """The contract of an upstream that writes values in lower case."""
    text = TEXT
    for values in lists:
        text = text.replace(values, values.lower() + ("\nclosed = true" if closed else ""))
    if measures:
        text = re.sub(r"'[A-Z_]+'", lambda found: found[0].lower(), text)
    return text


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    ("lists", "name", "column", "literal"),
    [
        ([STATES], "notStarted", "state", "NOT_STARTED"),
        ([ENROLLMENTS], "mandatory", "enrollmentType", "MANDATORY"),
    ],
)
def test_a_measure_with_an_unlisted_literal_is_refused_by_table_key_and_line(
    lists: list[str], name: str, column: str, literal: str, *, closed: bool
) -> None:
    text = lower_case(*lists, closed=closed)
    with pytest.raises(ConfigurationProblem) as raised:
        check_derivations(load_contract(text))
    message = raised.value.message
    assert f"[[measures]] {name!r}: where: " in message
    assert f"{column} is compared with {literal!r}" in message
    found = re.search(r"line (\d+)", message)
    assert found is not None
    assert text.splitlines()[int(found[1]) - 1].startswith(f"where = \"{column} eq '{literal}'")


@pytest.mark.parametrize(
    "where",
    [
        "state eq 'X'", "'X' ne state", "state in ('APPROVED','X')", "not (state eq 'X')",
        "progress gt 5 and (state eq 'FAILED' or state eq 'X')", "state gt 'X'",
        "case(state eq 'X':true,true:false)",
    ],
)  # fmt: skip
def test_it_is_found_wherever_it_is(where: str) -> None:
    text = TEXT.replace("state eq 'APPROVED'\"", f'{where}"')
    place = r"line \d+: \[\[measures\]\] 'approved': where"
    with pytest.raises(ConfigurationProblem, match=rf"{place}: state .* 'X'"):
        check_derivations(load_contract(text))


def test_a_condition_of_a_set_s_own_column_is_named_by_its_set() -> None:
    first = '    { name = "name", kind = "first", of = "userName"'
    added = '    { name = "n", kind = "count", where = "state eq \'X\'" },\n'
    place = r"line \d+: \[\[sets\]\] 'Users': 'n': where"
    with pytest.raises(ConfigurationProblem, match=place):
        check_derivations(load_contract(TEXT.replace(first, added + first)))


def test_a_contract_whose_measures_follow_loads() -> None:
    check_derivations(load_contract(lower_case(STATES, ENROLLMENTS, measures=True)))


def corrected() -> Contract:
    return load_contract(lower_case(STATES, measures=True).replace("'mandatory'", "'MANDATORY'"))


def test_measures_and_charts_that_would_show_0_are_left_out_with_a_warning() -> None:
    schema, analysis = corrected().schema, load_analysis()
    measures = {measure.name for measure in build_star(schema, analysis).measures}
    by_state = {
        m.name for m in analysis.measures if re.search("APPROVED|FAILED|STARTED|_PROG|EXPI", m.dax)
    }
    assert by_state
    assert not by_state & measures
    assert "Completion rate" not in measures, "it is made of one that is left out"
    assert {"Result count", "Learners", "Mandatory"} <= measures
    warned = [*left_out(schema, analysis)]
    assert {name for name in by_state if any(repr(name) in line for line in warned)} == by_state
    assert ["'expiring'" in line for line in left_out_charts(schema)] == [True]


def test_the_shipped_files_compare_with_listed_values_alone() -> None:
    schema, analysis = load_contract(TEXT).schema, load_analysis()
    assert [*left_out(schema, analysis), *left_out_charts(schema)] == []
    assert build_star(schema, analysis).measures == analysis.measures


def test_it_is_said_at_the_start(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path_factory.mktemp("contract") / "contract.toml"
    text = lower_case(STATES, ENROLLMENTS, measures=True)
    path.write_text(text, "utf-8")
    settings = settings_from({"upstream": "http://127.0.0.1:9", "contract": str(path)})
    with caplog.at_level(logging.WARNING, "gateway"):
        create_app(settings)
    assert "the measure 'Approved' for Power BI is left out" in caplog.text
    assert "the dashboard leaves out the chart 'expiring'" in caplog.text


def test_a_role_s_rule_with_an_unlisted_literal_is_refused() -> None:
    toml = "[roles.r]\nrows = \"state ne 'APROVED'\"\n"
    with pytest.raises(ConfigurationProblem, match="state is compared with 'APROVED'"):
        create_app(settings_from({"upstream": "http://127.0.0.1:9", "toml": toml}))
