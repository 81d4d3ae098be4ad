"""$filter: what binds, and what the refusals say; every message names the option and a way out."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import TextPosition, TypeMismatch
from gateway.query.bind.expressions import bind_predicate
from gateway.query.bind.functions import OFFSET_SENSITIVE
from gateway.query.bind.query import bind
from gateway.query.bind.scope import Scope
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.render import render_expr
from grammar import Call, Name
from tests.planner.worlds import World, filters, worlds
from tests.query.asking import SCHEMA, bound, filtered, refusal
from tests.support.examples import examples


def schema_of(*properties: Property) -> Schema:
    key = Property("id", PrimitiveType.STRING, nullable=False)
    entity_type = EntityType("Thing", ("id",), (key, *properties))
    return Schema("Test", "Container", (EntitySet("Results", entity_type),))


COUNTS = schema_of(
    Property("small", PrimitiveType.INT32),
    Property("big", PrimitiveType.INT64),
    Property("share", PrimitiveType.DOUBLE),
    Property("done", PrimitiveType.BOOLEAN),
    Property("guid", PrimitiveType.GUID),
)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("state EQ 'FAILED' AND not contains(userName,'x')",
         "(state eq 'FAILED') and (not contains(userName,'x'))"),
        ("userName eq 'O''Neil'", "userName eq 'O''Neil'"),
        ("progress eq 1 or progress eq 2 or progress eq 3",
         "(progress eq 1) or (progress eq 2) or (progress eq 3)"),
        ("$it/state eq null", "state eq null"),
        ("progress gt -1", "progress gt -1"),
        ("progress lt INF", "progress lt INF"),
        ("progress eq 5.05e1", "progress eq 50.5"),
        ("progress eq 1e22", "progress eq 1e22"),
        ("updatedAt ge 2024-03-01T00:30+01:00", "updatedAt ge 2024-02-29T23:30:00Z"),
        ("updatedAt lt 2024-01-01T00:00:00.1230000000Z", "updatedAt lt 2024-01-01T00:00:00.123Z"),
        ("updatedAt gt 2016-12-31T23:59:60Z", "updatedAt gt 2017-01-01T00:00:00Z"),
        ("department in ('a',null)", "department in ('a',null)"),
        ("state in ()", "state in ()"),
        ("(progress gt 5) eq TRUE", "(progress gt 5) eq true"),
        ("groupIds/any(state:state eq 'x')", "groupIds/any(x:x eq 'x')"),
        ("groupIds/all(g:g ne state)", "groupIds/all(x:x ne state)"),
        ("groupIds/any()", "groupIds/any()"),
        ("startswith('abc',userName)", "startswith('abc',userName)"),
        ("null", "null"),
    ],
)  # fmt: skip
def test_a_filter_means(text: str, meaning: str) -> None:
    assert filtered(text) == meaning


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("1 eq 1.0", "true"),
        ("1 lt 9223372036854775808", "true"),
        ("1e0 eq 1", "true"),
        ("0.1 eq 1e-1", "true"),
        ("0.1 eq 1e-1 and 2.5e0 ge 2.5", "true and true"),
        ("NaN ne NaN", "true"),
        ("INF gt 1", "true"),
        ("null eq null", "true"),
        ("null ne null", "false"),
        ("null ge null", "false"),
        ("null lt 5", "false"),
        ("5 in (1,5.0,null)", "true"),
        ("5 in ()", "false"),
        ("null in (1,null)", "true"),
        ("'a' lt 'B'", "false"),
        ("true gt false", "true"),
        ("2024-02-29 lt 2024-03-01", "true"),
        ("2024-01-01T00:00:00Z eq 2024-01-01T01:00:00+01:00", "true"),
    ],
)
def test_constants_are_compared_once(text: str, outcome: str) -> None:
    assert filtered(text) == outcome


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("share eq 5", "share eq 5"),
        ("share in (0.1,1,null)", "share in (0.1,1,null)"),
        ("5 lt share", "5 lt share"),
        ("small eq 5.0", "small eq 5"),
        ("big lt 7.25", "big lt 7.5"),
        ("big gt -7.25", "big gt -7.5"),
        ("big lt 0.1234567890123456789012345678901234567", "big lt 0.5"),
        ("big le 99999999999999999999999999999999999999", "big le 18446744073709551616.0"),
        ("big eq 9223372036854775808.0", "big eq 9223372036854775808.0"),
        ("big eq 5e0", "big eq 5"),
        ("small eq share", "small eq share"),
        ("done and not (done eq false)", "done and (not (done eq false))"),
    ],
)  # fmt: skip
def test_numbers_are_promoted_without_changing_the_outcome(text: str, meaning: str) -> None:
    assert filtered(text, COUNTS) == meaning


@pytest.mark.parametrize(
    ("text", "status", "code", "words"),
    [
        ("username eq 'x'", 400, "UnknownName", "no property 'username'; did you mean userName?"),
        ("zzzz eq 'x'", 400, "UnknownName", "Result has no property 'zzzz'"),
        ("state/any(x:x eq 'a')", 400, "TypeMismatch", "state is a single value"),
        ("nosuch/any(x:x eq 'a')", 400, "UnknownName", "nosuch"),
        ("groupIds eq 'x'", 400, "TypeMismatch", "groupIds/any(x:x eq ...)"),
        ("progress eq '50.5'", 400, "TypeMismatch", "write 50.5 without quotes"),
        ("progress eq ''", 400, "TypeMismatch", "write the value without quotes"),
        ("state eq 5", 400, "TypeMismatch", "write text in single quotes: '5'"),
        ("5 eq state", 400, "TypeMismatch", "compares Edm.Int64 with Edm.String"),
        ("updatedAt ge 2024-01-01", 400, "TypeMismatch", "write 2024-01-01T00:00:00Z"),
        ("2024-01-01 le updatedAt", 400, "TypeMismatch", "write 2024-01-01T00:00:00Z"),
        ("updatedAt eq progress", 400, "TypeMismatch",
         "compares Edm.DateTimeOffset with Edm.Double"),
        ("state in ('a',5)", 400, "TypeMismatch", "state in (...) compares"),
        ("progress in (5,'a')", 400, "TypeMismatch", "without quotes"),
        ("state", 400, "TypeMismatch", "a condition is needed here, e.g. state eq ..."),
        ("not state", 400, "TypeMismatch", "state is of type Edm.String"),
        ("state and true", 400, "TypeMismatch", "a condition is needed"),
        ("groupIds/any(g:g)", 400, "TypeMismatch", "a condition is needed"),
        ("contains(progress,'5')", 400, "TypeMismatch", "contains takes text, but progress"),
        ("contains(userName,5)", 400, "TypeMismatch", "5 is of type Edm.Int64"),
        ("contains(userName)", 400, None, "contains"),
        ("updatedAt gt 10000-01-01T00:00:00Z", 400, "InvalidValue", "from the year 1 to 9999"),
        ("updatedAt gt 0001-01-01T00:00:00+14:00", 400, "InvalidValue", "from the year 1 to 9999"),
        ("-0001-01-01 lt 2024-01-01", 400, "InvalidValue", "from the year 1 to 9999"),
        ("hassubset(groupIds,groupIds)", 400, "TypeMismatch", "groupIds is a collection"),
        ("geo.length(state) gt 5", 501, "NotImplemented", "the function geo.length"),
        ("progress eq true", 400, "TypeMismatch", "compares Edm.Double with Edm.Boolean"),
        ("state in @list", 501, "NotImplemented", "in takes a list of literals here, not @list"),
        ("state in (contentId)", 501, "NotImplemented", "not contentId; write state in ('a','b')"),
        ('state in ["a",contentId]', 501, "NotImplemented", "in takes a list of literals"),
        ("state has Some.Type'A'", 501, "NotImplemented", "has"),
        ("groupIds/$count($filter=$it eq 'x') gt 1", 501, "NotImplemented", "$it uses"),
        ("groupIds/any(g:groupIds/any(h:h eq g))", 501, "NotImplemented", "inside another such"),
        ("binary'AAAA' eq null", 501, "NotImplemented",
         "no property of this service has"),
        ("state/length eq 5", 400, "TypeMismatch", "nothing can follow state"),
        ("$it eq null", 501, "NotImplemented", "$it"),
    ],
)  # fmt: skip
def test_a_filter_is_refused_with_the_remedy(
    text: str, status: int, code: str | None, words: str
) -> None:
    error = refusal(f"$filter={text}")
    assert (error.status, error.target) == (status, "$filter")
    assert code is None or error.code == code
    assert error.message.startswith("$filter")
    assert words in error.message


def test_a_text_function_takes_two_arguments_whoever_made_the_tree() -> None:
    scope = Scope(SCHEMA.entity_sets[0].entity_type)
    with pytest.raises(TypeMismatch, match="contains takes 2 arguments"):
        bind_predicate(Call("contains", (Name("userName"),)), scope)


def test_a_long_expression_is_quoted_in_part() -> None:
    error = refusal(f"$filter=tolower('{'x' * 500}') eq 5")
    assert len(error.message) < 250
    assert "..." in error.message


def test_an_unclosed_quote_is_shown_with_a_caret() -> None:
    error = refusal("$filter=state eq 'FAILED")
    assert error.code == "InvalidSyntax"
    assert "^" in error.details[0]
    assert error.place == TextPosition("state eq 'FAILED", 9)


# --- aliases --------------------------------------------------------------------------------------


def test_an_alias_stands_for_its_value() -> None:
    query = bound("$filter=state eq @s and @p&@s='FAILED'&@p=progress gt @n&@n=5")
    assert query.filter is not None
    assert render_expr(query.filter) == "(state eq 'FAILED') and (progress gt 5)"


def test_an_alias_without_a_value_is_null() -> None:
    assert filtered("progress eq @missing") == "progress eq null"
    assert filtered('state in [@missing,"a"]') == "state in (null,'a')"


@pytest.mark.parametrize("query", ["@a=@a", "@a=@b&@b=@a", "@a=not @b&@b=not @c&@c=not @a"])
def test_an_alias_that_leads_back_to_itself_is_refused(query: str) -> None:
    error = refusal(f"$filter=@a&{query}")
    assert (error.status, error.target) == (400, "@a")
    assert "refers to itself" in error.message


def test_the_same_alias_may_stand_twice() -> None:
    assert (
        filtered("state eq @s or contentId eq @s&@s='x'") == "(state eq 'x') or (contentId eq 'x')"
    )


def test_aliases_that_spell_an_endless_expression_are_refused() -> None:
    doubling = "&".join(f"@a{n}=@a{n + 1} or @a{n + 1}" for n in range(60))
    error = refusal(f"$filter=@a0&{doubling}&@a60=true")
    assert (error.status, error.code) == (400, "LimitExceeded")
    assert error.code == "LimitExceeded"


def test_an_alias_is_type_checked_where_it_is_used() -> None:
    assert "without quotes" in refusal("$filter=progress gt @p&@p='5'").message


GUID = "a1b2c3d4-0000-0000-0000-00000000000f"


def test_a_guid_is_written_in_lower_case_without_quotes() -> None:
    assert filtered(f"guid eq {GUID.upper()}", COUNTS) == f"guid eq {GUID}"
    assert filtered(f"guid in ({GUID},null)", COUNTS) == f"guid in ({GUID},null)"
    assert filtered(f"{GUID} eq {GUID.upper()}", COUNTS) == "true"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"guid eq '{GUID}'", "write a Guid without quotes"),
        (f"guid in ({GUID},'x')", "write a Guid without quotes"),
        ("guid eq 5", "compares Edm.Guid with Edm.Int64"),
        (f"id eq {GUID}", f"write text in single quotes: '{GUID}'"),
        (f"startswith(guid,'{GUID}')", "takes text, but guid is of type Edm.Guid"),
        (f"{GUID} add 1 gt 5", "Edm.Guid"),
    ],
)
def test_what_is_no_guid_is_refused_with_the_form_of_one(text: str, words: str) -> None:
    error = refusal(f"$filter={text}", schema=COUNTS)
    assert (error.status, error.code) == (400, "TypeMismatch")
    assert words in error.message


# --- the text of a bound filter -------------------------------------------------------------------


@examples(200, repeatable=True)
@given(st.data(), worlds())
def test_the_text_of_a_bound_filter_binds_to_the_same_filter(
    data: st.DataObject, world: World
) -> None:
    def rebound(text: str) -> BoundQuery:
        raw = f"$filter={quote(text)}".encode()
        query = bind(parse_request(b"Results", raw), world.contract.schema)
        assert isinstance(query, BoundQuery)
        return query

    once = rebound(data.draw(filters(world.contract))).filter
    assert once is not None
    again = rebound(render_expr(once)).filter
    assert again is not None
    assert render_expr(again) == render_expr(once)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("user/name eq 'n1/x'", "user/name eq 'n1/x'"),
        (
            "user/memberships/any(m:m/group/name eq 'a')",
            "user/memberships/any(n2:n2/group/name eq 'a')",
        ),
        ("user/results/any()", "user/results/any()"),
        (
            "user/results/any(o:o/groupIds/any(g:g eq $it/contentId))",
            "user/results/any(n2:n2/groupIds/any(x:x eq contentId))",
        ),
        ("user/results/$count gt 1", "user/results/$count gt 1"),
        (
            "user/results/$count($filter=content/name eq 'n1/x' and progress gt 5) gt 1",
            "user/results/$count($filter=($this/content/name eq 'n1/x') and"
            " ($this/progress gt 5)) gt 1",
        ),
        (
            "groupIds/$count($filter=$this eq 'a') gt 1",
            "groupIds/$count($filter=$this eq 'a') gt 1",
        ),
        ("tolower(user/name) eq 'a'", "tolower(user/name) eq 'a'"),
        ("not (user/name eq null)", "not (user/name eq null)"),
    ],
)
def test_the_text_of_conditions_on_other_rows_means_the_same(written: str, shown: str) -> None:
    assert filtered(written) == shown
    assert filtered(shown) == shown


def test_the_schema_of_the_built_in_contract_is_what_these_tests_speak_of() -> None:
    assert load_contract(built_in_contract(), (("department", "cf_department"),)).schema == SCHEMA


OFFSETS = (
    "2024-01-01T00:30:00+01:00",
    "2024-01-01T00:30+05:45",
    "2023-12-31T23:59:59.123456-11:59",
    "2024-02-29T12:00:00.5%2B14:00",
)


@pytest.mark.parametrize("name", sorted(OFFSET_SENSITIVE))
@pytest.mark.parametrize("written", OFFSETS)
def test_a_literal_with_an_offset_is_shown_as_it_must_be_pasted(name: str, written: str) -> None:
    """The message is followed: what it says to write is the same instant, and is accepted."""
    literal = unquote(written)
    whole = f"{name}({literal}) eq {name}(updatedAt)"
    told = re.search(r"instead of (\S+) write .*: (\S+Z)$", refusal(f"$filter={whole}").message)
    assert told is not None
    assert datetime.fromisoformat(told[2]) == datetime.fromisoformat(literal)
    assert filtered(f"updatedAt eq {told[1]}") == filtered(f"updatedAt eq {literal}")
    assert filtered(f"updatedAt eq {told[2]}") == filtered(f"updatedAt eq {literal}")
    assert filtered(whole.replace(literal, told[2]))
    by_alias = refusal(f"$filter={name}(@x) eq {name}(updatedAt)&@x={literal}").message
    assert by_alias.endswith(f": {told[2]}")


def test_the_hint_about_a_date_with_an_offset_can_be_followed() -> None:
    message = refusal("$filter=updatedAt ge 2024-01-01Z").message
    instant = message.rpartition(" ")[2]
    assert filtered(f"updatedAt ge {instant}") == "updatedAt ge 2024-01-01T00:00:00Z"
