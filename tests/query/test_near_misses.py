"""What was meant as OData but is not: refused with the way out, never ignored."""

from __future__ import annotations

import pytest

from gateway.errors import UnknownOption
from gateway.query.request import parse_request
from tests.query.asking import bound, refusal


@pytest.mark.parametrize(
    ("query", "meant"),
    [("filtr=1", "$filter"), ("selct=id", "$select"), ("skiptoken=x", "$skiptoken")],
)
def test_a_near_miss_of_an_option_is_refused(query: str, meant: str) -> None:
    error = refusal(query)
    assert error.code == "UnknownOption"
    assert f"did you mean {meant}?" in error.message


@pytest.mark.parametrize(
    "query", ["foo=bar", "sap-client=100", "api-version=1", "subscription-key=5", "search_id=1"]
)
def test_what_proxies_append_is_ignored(query: str) -> None:
    assert bound(query).filter is None


def test_text_without_quotes_is_told_so() -> None:
    error = refusal("$filter=state eq FAILED")
    assert "write text in single quotes: 'FAILED'" in error.message


@pytest.mark.parametrize("start", ["contains(id,'a')", "true"])
def test_a_deep_chain_of_comparisons_is_refused(start: str) -> None:
    assert refusal(f"$filter={start}{' eq true' * 250}").code == "LimitExceeded"


@pytest.mark.parametrize("rest", ["%20state%20eq%20'x'", "%20Safety')", "(state)=1"])
def test_the_rest_of_an_option_behind_a_bare_ampersand_is_not_ignored(rest: str) -> None:
    with pytest.raises(UnknownOption, match="%26"):
        parse_request(b"Results", f"$filter=userName%20eq%20'a'&{rest}".encode())


def test_an_empty_pair_means_nothing() -> None:
    assert parse_request(b"Results", b"&$top=1&&").options.top == 1


def test_a_way_behind_a_way_is_suggested() -> None:
    error = refusal("$filter=user/resuls/any()")
    assert "did you mean results?" in error.message


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("$filter=groupIds/any(g:h eq 'x')", "'h'; variables in scope: g; write text"),
        ("$filter=user/results/any(r:zzz eq 'x')", "'zzz'; variables in scope: r; write text"),
        ("$orderby=zzzz", "'zzzz'; $metadata lists them"),
        ("$orderby=user/results/$count,zzzz", "'zzzz'; $metadata lists them"),
    ],
)
def test_a_name_that_is_near_to_none_is_told_where_names_are(query: str, told: str) -> None:
    assert told in refusal(query).message


def test_what_apply_leaves_is_not_in_the_metadata() -> None:
    message = refusal("$apply=groupby((state))&$orderby=zzzz").message
    assert "(state) has no property 'zzzz'" in message
    assert "$metadata" not in message
