"""Form, fields and URL are three forms of one query: whatever way it goes, it means the same."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.model import Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import GatewayError, InvalidValue, UnknownOption
from gateway.pages.builder.conditions import OPERATORS, operators_of
from gateway.pages.builder.fields import from_fields, read_fields, to_fields
from gateway.pages.builder.form import OWN, Condition, Form, FormTotal, SortKey
from gateway.pages.builder.from_query import below_service, to_form
from gateway.pages.builder.to_query import METHODS, to_url
from grammar import QueryOptions, encode_query, option_pairs, parse_query_options, split_query
from tests.grammar.strategies_options import option_sets
from tests.support.examples import examples
from tests.support.live import FIELDS, Bridge

SCHEMA: Schema = load_contract(built_in_contract(), FIELDS).schema
RESULTS = SCHEMA.entity_sets[0]
KIND = RESULTS.entity_type
ROOT = "https://bi.example.com/odata/v4/"
quick = examples(100, suppress=list(HealthCheck))

_lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1)
_texts = _lines | st.sampled_from(["O'Neil", "a+b", "50%", "%27", "&$top=1", "null", " x ", "日本"])
_VALUES: dict[PrimitiveType, SearchStrategy[str]] = {
    PrimitiveType.STRING: _texts,
    PrimitiveType.DOUBLE: st.sampled_from(["0", "42", "-1", "0.5", "1e300", "INF"]),
    PrimitiveType.DATE_TIME_OFFSET: st.sampled_from(
        ["2025-01-31T00:00:00Z", "2025-01-31T17:30:00.123+02:00", "1969-12-31T23:59:59-11:30"]
    ),
}
_OWN = ["year(updatedAt) eq 2025", "user/name ne 'a''b'", "not (state eq 'A' or state eq 'B')"]


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    prop: Property | None = draw(st.sampled_from([None, *KIND.properties]))
    if prop is None:
        return Condition("", OWN, (draw(st.sampled_from(_OWN)),))
    operator = draw(st.sampled_from(operators_of(prop)))
    takes = OPERATORS[operator].takes
    values = {"none": st.just(""), "days": st.sampled_from(["0", "30"])}.get(
        takes, _VALUES[prop.type]
    )
    count = {"none": (0, 0), "many": (1, 4)}.get(takes, (1, 1))
    found = draw(st.lists(values, min_size=count[0], max_size=count[1], unique=True))
    return Condition(prop.name, operator, tuple(found))


_single = st.sampled_from([prop.name for prop in KIND.properties if not prop.collection])
_names = st.sampled_from(KIND.names)
_totals = st.builds(
    FormTotal, st.sampled_from(METHODS), _single, st.from_regex("n[a-z]{1,5}", fullmatch=True)
) | st.just(FormTotal("count", "", "rows"))
_other = st.sampled_from(
    [
        ("$search", 'safe AND "a b"'),
        ("$skip", "3"),
        ("@p", "'x'"),
        ("note", "a=b&c "),
        ("$format", "csv"),
    ]
)


@st.composite
def _forms(draw: st.DrawFn) -> Form:
    conditions = tuple(draw(st.lists(_conditions(), max_size=4)))
    form = Form(
        "Results",
        conditions=conditions,
        any_of=len(conditions) > 1 and draw(st.booleans()),
        order=tuple(draw(st.lists(st.builds(SortKey, _names, st.booleans()), max_size=2))),
        top=draw(st.none() | st.integers(0, 10**12)),
        count=draw(st.booleans()),
    )
    other = draw(st.lists(_other, max_size=3, unique_by=lambda pair: pair[0]))
    read = option_pairs(parse_query_options(tuple(other)))
    form = replace(form, other=read)
    if draw(st.booleans()):
        columns = draw(st.lists(_names, max_size=3, unique=True))
        return replace(form, columns=tuple(columns))
    totals = draw(st.lists(_totals, min_size=1, max_size=2, unique_by=lambda each: each.alias))
    groups = draw(st.lists(_single, max_size=2, unique=True))
    return replace(form, groups=tuple(groups), totals=tuple(totals))


@quick
@given(_forms())
def test_a_form_comes_back_from_its_url_and_from_its_fields(form: Form) -> None:
    assert to_form(to_url(form, RESULTS), SCHEMA) == form
    assert _sent(form) == form


@quick
@given(option_sets)
def test_any_query_goes_through_the_form_unchanged(tree: QueryOptions) -> None:
    texts = (tree.format, tree.id, tree.skiptoken, tree.deltatoken)
    assume(all(text is None or text == text.strip() for text in texts))  # ends are trimmed
    url = f"Results?{encode_query(option_pairs(tree))}"
    try:
        form = to_form(url, SCHEMA)
    except (InvalidValue, UnknownOption):
        assume(False)  # a browser would change it, or no feed answers it
    again = to_url(_sent(form), RESULTS)
    assert to_form(again, SCHEMA) == form
    if "any(" not in url:  # its variable may have another name
        assert parse_query_options(split_query(again.partition("?")[2].encode())) == tree


_PARTS = (
    "state eq 'FAILED'",
    "state in ('APPROVED','EXPIRED')",
    "not (state in ('APPROVED'))",
    "state ne null",
    "completedAt eq null",
    "completedAt ge 2025-03-01T01:30:00+02:00",
    "updatedAt ge now() sub duration'P500D'",
    "expiryDate le now() add duration'P9D'",
    "progress gt 49.5",
    "progress in (0,100)",
    "contains(contentName,'%')",
    "not contains(contentName,'a')",
    "startswith(userName,'Z')",
    "groupIds/any(g:g eq 'grp-03')",
    "not groupIds/any(y:y in ('grp-01','grp-02'))",
    "not groupIds/any()",
    "year(completedAt) eq 2025",
    "(state eq 'FAILED' or progress eq 100)",
    "not (state eq 'FAILED')",
    "department eq 'R&D + Ops'",
    "(progress ge 20 and progress le 80)",
)
_TAILS = (
    "$orderby=progress desc,id",
    "$orderby=tolower(userName),id&$top=7",
    "$select=id,state&$top=3",
    "$count=true&$top=0",
    "$skip=5&$top=5",
    "$search=safety",
    "$select=id,share&$compute=progress div 100 as share",
    "$expand=user($select=name)&$top=4",
)
_APPLIED = (
    "groupby((state))",
    "groupby((state,contentType),aggregate($count as n))",
    "aggregate(progress with average as p,userId with countdistinct as u)",
    "groupby((state),aggregate($count as n))/filter(n gt 10)",
    "concat(aggregate($count as n),groupby((state)))",
)


@st.composite
def _questions(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(_PARTS), max_size=3))
    condition = quote(draw(st.sampled_from([" and ", " or "])).join(parts), safe="$,()':/")
    if draw(st.integers(0, 3)):
        tail = draw(st.sampled_from(_TAILS))
        return f"Results?{f'$filter={condition}&' if parts else ''}{tail}"
    apply = draw(st.sampled_from(_APPLIED))
    return f"Results?$apply={f'filter({condition})/' if parts else ''}{apply}"


@examples(60, suppress=list(HealthCheck))
@given(question=_questions())
def test_the_url_of_the_form_of_a_url_has_the_same_answer(live: Bridge, question: str) -> None:
    url = below_service(question, ROOT)
    made = to_url(_sent(to_form(url, SCHEMA)), RESULTS)
    first, second = live.get(url), live.get(made)
    assert first.status_code == 200, first.text
    assert second.json() == first.json()


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("Results?$top=1", "Results?$top=1"),
        (f"  {ROOT}Results?$top=1\n", "Results?$top=1"),
        ("http://localhost:1/x/odata/v4/Users('a b')", "Users('a%20b')"),
        ("/odata/v4/Results?$search=é", "Results?$search=%C3%A9"),
        ("Results?$filter=a eq '50%25+%2B'", "Results?$filter=a%20eq%20'50%25+%2B'"),
    ],
)
def test_a_url_may_be_pasted_as_it_stands_anywhere(written: str, url: str) -> None:
    assert below_service(written, ROOT) == url


def test_a_url_of_another_service_is_refused() -> None:
    with pytest.raises(InvalidValue, match="another service"):
        below_service("https://other.example/Results", ROOT)


def test_what_a_browser_would_change_is_not_put_into_the_form() -> None:
    with pytest.raises(InvalidValue, match="edit the URL"):
        to_form("Results?$filter=contains(userName,'a%0D%0Ab')", SCHEMA)


def test_a_line_break_that_a_browser_keeps_is_kept() -> None:
    url = "Results?$filter=contains(userName,'a%0Ab')"
    assert to_url(_sent(to_form(url, SCHEMA)), RESULTS) == url


@pytest.mark.parametrize(
    ("column", "operator", "value", "text"),
    [
        ("updatedAt", "ge", "2025-01-31", "updatedAt ge 2025-01-31T00:00:00Z"),
        ("updatedAt", "ge", " 2025-01-31 17:30 ", "updatedAt ge 2025-01-31T17:30:00Z"),
        ("updatedAt", "lt", "2025-01-31T17:30+02:00", "updatedAt lt 2025-01-31T17:30:00+02:00"),
        ("updatedAt", "sincedays", "30", "updatedAt ge now() sub duration'P30D'"),
        ("userName", "eq", "O'Neil", "userName eq 'O''Neil'"),
        ("progress", "gt", "50", "progress gt 50"),
    ],
)
def test_values_are_written_as_odata_wants_them(
    column: str, operator: str, value: str, text: str
) -> None:
    url = to_url(Form("Results", conditions=(Condition(column, operator, (value,)),)), RESULTS)
    assert split_query(url.partition("?")[2].encode()) == (("$filter", text),)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition("progress", "gt", ("much",)), "condition 1, progress: 'much' is not a number"),
        (Condition("updatedAt", "ge", ("31.1.2025",)), "condition 1, updatedAt: "),
        (Condition("updatedAt", "sincedays", ("-1",)), "whole number"),
        (Condition("salary", "eq", ("1",)), "no column 'salary'"),
        (Condition("", OWN, ("state == 'A'",)), "condition 1: '==' is not an operator"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_row(condition: Condition, words: str) -> None:
    with pytest.raises(GatewayError) as caught:
        to_url(Form("Results", conditions=(condition,)), RESULTS)
    assert words in caught.value.message


def _sent(form: Form) -> Form:
    """The form after a browser has sent its fields."""
    pairs = [(name, value.replace("\n", "\r\n")) for name, value in to_fields(form)]
    return from_fields(read_fields(urlencode(pairs).encode()), SCHEMA)
