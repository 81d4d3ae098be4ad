"""$compute: names for expressions, which $filter, $orderby and $select can use."""

from __future__ import annotations

import pytest

from gateway.edm.types import PrimitiveType
from gateway.query.tree.expressions import Constant
from gateway.query.tree.render import render_expr
from tests.query.asking import SCHEMA, bound, refusal

ALL = SCHEMA.entity_sets[0].entity_type.names


def meanings(query: str) -> dict[str, tuple[str, PrimitiveType]]:
    """What each computed property is, by name."""
    return {c.prop.name: (render_expr(c.expr), c.prop.type) for c in bound(query).computed}


@pytest.mark.parametrize(
    ("compute", "meaning", "type_"),
    [
        ("progress div 100 as x", "progress div 100", PrimitiveType.DOUBLE),
        ("length(userName) as x", "length(userName)", PrimitiveType.INT32),
        ("1 divby 4 as x", "0.250000000000", PrimitiveType.DECIMAL),
        ("updatedAt sub startedAt as x", "updatedAt sub startedAt", PrimitiveType.DURATION),
        ("date(updatedAt) as x", "date(updatedAt)", PrimitiveType.DATE),
        ("state eq 'FAILED' as x", "state eq 'FAILED'", PrimitiveType.BOOLEAN),
        ("groupIds/any() as x", "groupIds/any()", PrimitiveType.BOOLEAN),
        ("$it/state as x", "state", PrimitiveType.STRING),
        ("@v as x", "'v'", PrimitiveType.STRING),
        ("null as x", "null", PrimitiveType.STRING),
        ("case(true:null) as x", "null", PrimitiveType.STRING),
        ("@missing as x", "null", PrimitiveType.STRING),
    ],
)
def test_a_computed_property_has_the_type_of_its_expression(
    compute: str, meaning: str, type_: PrimitiveType
) -> None:
    assert meanings(f"$compute={compute}&@v='v'") == {"x": (meaning, type_)}


def test_an_item_may_use_the_ones_before_it() -> None:
    assert meanings("$compute=progress add 1 as a,a mul 2 as b,$it/b as c") == {
        "a": ("progress add 1", PrimitiveType.DOUBLE),
        "b": ("(progress add 1) mul 2", PrimitiveType.DOUBLE),
        "c": ("(progress add 1) mul 2", PrimitiveType.DOUBLE),
    }
    error = refusal("$compute=b mul 2 as a,progress as b")
    assert (error.code, error.target) == ("UnknownName", "$compute")


def test_filter_and_order_see_through_the_name() -> None:
    query = bound("$compute=year(updatedAt) as y&$filter=y eq 2024 and $it/y ne 1&$orderby=y desc")
    assert query.filter == bound("$filter=year(updatedAt) eq 2024 and year(updatedAt) ne 1").filter
    assert query.orderby == bound("$orderby=year(updatedAt) desc").orderby


def test_the_variable_of_a_lambda_hides_the_name_and_is_not_seen_in_it() -> None:
    query = bound("$compute=state as g&$filter=groupIds/any(g:g eq 'a')")
    assert query.filter == bound("$filter=groupIds/any(g:g eq 'a')").filter
    error = refusal("$compute=x as y&$filter=groupIds/any(x:y eq 'a')")
    assert error.code == "UnknownName"


@pytest.mark.parametrize(
    ("select", "names", "selected"),
    [
        ("", (*ALL, "a", "b"), False),
        ("&$select=*", (*ALL, "a", "b"), False),
        ("&$select=b,id", ("b", "id"), True),
        ("&$select=id", ("id",), True),
    ],
)
def test_select_shows_what_is_asked(select: str, names: tuple[str, ...], *, selected: bool) -> None:
    query = bound(f"$compute=progress as a,state as b{select}")
    assert tuple(prop.name for prop in query.select) == names
    assert query.selected is selected
    assert [prop.name for prop in query.select if prop.dynamic] == [
        name for name in names if name in "ab"
    ]


def test_an_entity_and_a_count_take_it_too() -> None:
    entity = bound("$compute=progress as p&$select=id,p", "Results('x')")
    assert [prop.name for prop in entity.select] == ["id", "p"]
    count = bound("$compute=year(updatedAt) as y&$filter=y eq 2024", "Results/$count")
    assert count.filter == bound("$filter=year(updatedAt) eq 2024").filter


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("$compute=progress as state", 400, "$compute: the name state is already taken"),
        ("$compute=progress as p,state as p", 400, "choose another one after `as`"),
        ("$compute=progress as State", 501, "State and state differ only in case"),
        ("$compute=progress as p,state as P", 501, "differ only in case"),
        ("$compute=nosuch as p", 400, "$compute: Result has no property 'nosuch'"),
        ("$compute=groupIds as p", 400, "groupIds is a collection"),
        ("$compute=1 div 0 as p", 400, "divides by zero"),
        ("$compute=progress", 400, "$compute"),
        ("$compute=2024-01-01T00:00:00.0000001Z as p", 400, "six fractional digits"),
        ("$compute=geo.length(state) as p", 501, "$compute"),
        ("$compute=progress as ratio&$filter=ratoi gt 1", 400, "did you mean ratio?"),
        ("$compute=progress as ratio&$select=ratoi", 400, "did you mean ratio?"),
    ],
)
def test_what_cannot_be_computed_is_refused(query: str, status: int, words: str) -> None:
    error = refusal(query)
    assert error.status == status
    assert words in error.message


def test_names_for_names_cannot_spell_more_than_a_limit() -> None:
    items = ",".join(f"x{n} add x{n} as x{n + 1}" for n in range(30))
    error = refusal(f"$compute=progress as x0,{items}")
    assert error.code == "LimitExceeded"


@pytest.mark.parametrize("path", ["", "$metadata"])
def test_documents_take_no_compute(path: str) -> None:
    assert refusal("$compute=1 as x", path).code == "OptionNotAllowed"


def test_a_computed_constant_orders_nothing() -> None:
    query = bound("$compute=5 as five&$orderby=five")
    assert query.orderby == ()
    assert query.computed[0].expr == Constant(5, PrimitiveType.INT64)
