"""Operations that fail on a row: the message names the option, the expression and the remedy."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.support.live import Bridge
from tests.support.wire import send
from tests.web.conftest import Ask
from tests.web.test_errors import error_of

ZERO = "(length(id) sub length(id))"
CAN_FAIL = [
    (f"7 div {ZERO}", "eq 1", "division by zero", "div (length(id) sub", "is null for"),
    (f"7 mod {ZERO}", "eq 1", "division by zero", "mod (length(id) sub", "is null for"),
    (
        f"substring(id,0,{ZERO} sub 1)",
        "eq 'x'",
        "a negative length",
        "substring(id,0,",
        "is null for",
    ),
    (
        "9223372036854775807 mul length(id)",
        "gt length(id)",
        "out of range",
        "9223372036854775807 mul length(id)",
        "cast(...,Edm.Double)",
    ),
    (
        "-(-9223372036854775807 mul length(id))",
        "gt length(id)",
        "out of range",
        "-9223372036854775807 mul length(id)",
        "cast(...,Edm.Double)",
    ),
    (
        "updatedAt add duration'P106751990D'",
        "gt updatedAt",
        "out of range",
        "updatedAt add duration'P106751990D'",
        "a shorter duration",
    ),
]
PATTERN = "matchespattern(id,concat('[^',concat(id,'[')))"
Case = tuple[str, str, str, str, str]


def refused(ask: Ask, query: str) -> tuple[str, str]:
    """The message and the target of a request that is a bad one."""
    answer = ask(quote(query, safe="?&=$'(),/:"))
    assert answer.status == 400, (query, answer.text)
    error = error_of(answer)
    return error["message"], error.get("target", "")


def check(found: tuple[str, str], option: str, words: str, place: str, remedy: str) -> None:
    message, target = found
    assert message.startswith(f"{option}: ")
    assert target == option.partition(" ")[0]
    assert words in message
    assert place in message.partition("; ")[0]
    assert remedy in message.partition("; ")[2]


@pytest.mark.parametrize("case", CAN_FAIL, ids=lambda case: case[0])
def test_each_option_that_fails_on_a_row_is_named_with_the_expression(ask: Ask, case: Case) -> None:
    expression, test, *expected = case
    check(refused(ask, f"Results?$filter={expression} {test}"), "$filter", *expected)
    check(refused(ask, f"Results/$count?$filter={expression} {test}"), "$filter", *expected)
    check(refused(ask, f"Results?$compute={expression} as x&$select=x"), "$compute", *expected)
    check(refused(ask, f"Results?$orderby={expression}"), "$orderby", *expected)
    for steps in (
        f"compute({expression} as x)",
        f"filter({expression} {test})/aggregate($count as n)",
        f"aggregate({expression} with max as x)",
    ):
        check(refused(ask, f"Results?$apply={steps}"), "$apply", *expected)


@pytest.mark.parametrize("form", ["csv", "xlsx", "arrow", "parquet"])
@pytest.mark.parametrize("case", CAN_FAIL, ids=lambda case: case[0])
def test_files_name_the_expression_too(ask: Ask, case: Case, form: str) -> None:
    expression, _, *expected = case
    query = f"Results?$compute={expression} as x&$select=x&$format={form}"
    check(refused(ask, query), "$compute", *expected)


def test_a_computed_property_that_others_use_is_named_by_its_own_option(ask: Ask) -> None:
    query = f"Results?$compute=7 div {ZERO} as x&$filter=x gt 1&$orderby=x"
    check(refused(ask, query), "$compute", *CAN_FAIL[0][2:])


def test_expressions_of_related_rows_are_named_by_their_paths(ask: Ask) -> None:
    place = "length(user/id) sub length(user/id)"
    found = refused(ask, "Results?$filter=1 div (length(user/id) sub length(user/id)) eq 1")
    check(found, "$filter", "division by zero", place, "case(")
    found = refused(ask, "Users?$filter=results/any(r:1 div (length(r/id) sub length(r/id)) eq 1)")
    assert "length(n" in found[0]
    nested = f"Users?$expand=results($filter=1 div {ZERO} eq 1)"
    check(refused(ask, nested), "$filter in $expand of results", "division by zero", "div", "case(")


def test_a_pattern_and_a_sum_and_a_year_are_named(ask: Ask) -> None:
    found = refused(ask, f"Results?$filter={PATTERN}")
    check(found, "$filter", "a pattern that", "matchespattern(id,", "literal")
    found = refused(ask, "Results?$apply=aggregate(9223372036854775807 with sum as most)")
    check(found, "$apply", "out of range", "9223372036854775807 with sum as most", "Edm.Double")
    found = refused(ask, "Results?$compute=updatedAt add duration'P9999999D' as x&$select=x")
    check(found, "$compute", "out of range", "updatedAt add duration'P9999999D'", "case(")


def test_options_that_cannot_be_told_apart_are_both_named(ask: Ask) -> None:
    query = f"Results?$filter=7 div {ZERO} eq 1&$orderby=7 mod {ZERO}"
    message, target = refused(ask, query)
    assert message.startswith("$filter or $orderby: division by zero")
    assert not target


def test_values_of_rows_are_in_no_message(live: Bridge) -> None:
    path = f"/odata/v4/Results?$filter={quote(PATTERN)}"
    answer = send(live.root, path)
    assert answer.status == 400
    assert "res-" not in answer.text
