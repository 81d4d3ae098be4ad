"""$select, $orderby, $top and the others: what they mean and on which resource they may stand."""

from __future__ import annotations

import pytest

from gateway.query.request import parse_request
from gateway.query.tree.queries import Shape
from gateway.query.tree.render import render_expr
from tests.query.asking import SCHEMA, bound, refusal

ALL = SCHEMA.entity_sets[0].entity_type.names


@pytest.mark.parametrize(
    ("select", "names", "selected"),
    [
        ("", ALL, False),
        ("$select=*", ALL, False),
        ("$select=*,id", ALL, False),
        ("$select=progress,id", ("progress", "id"), True),
        ("$select=id, progress", ("id", "progress"), True),
        ("$select=id,id", ("id",), True),
        ("select=groupIds", ("groupIds",), True),
    ],
)
def test_select_names_the_columns_in_the_order_written(
    select: str, names: tuple[str, ...], *, selected: bool
) -> None:
    query = bound(select)
    assert tuple(p.name for p in query.select) == names
    assert query.selected is selected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("$select=nosuch", "$select: Result has no property 'nosuch'"),
        ("$select=STATE", "did you mean state?"),
        ("$select=*,nosuch", "nosuch"),
        ("$select=id/length", "goes below a property"),
        ("$select=id($select=x)", "goes below a property"),
        ("$expand=users", "$expand: Result has no navigation property 'users'; did you mean user?"),
        ("$orderby=nosuch", "$orderby: Result has no property 'nosuch'"),
        ("$orderby=groupIds", "$orderby: groupIds is a collection"),
    ],
)
def test_what_the_model_does_not_have_is_refused_by_option(query: str, words: str) -> None:
    error = refusal(query)
    assert error.status == 400
    assert words in error.message
    assert error.target == query.partition("=")[0]


def test_expanding_everything_follows_each_way() -> None:
    query = bound("$expand=*")
    assert [item.path.navigation.name for item in query.expand] == ["user", "content"]
    assert query.referenced_sets == ("Users", "Contents")
    assert bound("").referenced_sets == ()


def test_orderby_takes_columns_and_directions() -> None:
    query = bound("$orderby=state,$it/progress desc, id asc")
    assert [(o.prop.name, o.descending) for o in query.orderby] == [
        ("state", False),
        ("progress", True),
        ("id", False),
    ]


@pytest.mark.parametrize(
    ("orderby", "meaning"),
    [
        ("length(userName) desc", ["length(userName)"]),
        ("-progress,progress add 1", ["-(progress)", "progress add 1"]),
        ("@a,null,5 add 5", ["year(updatedAt)"]),
        ("groupIds/any() desc", ["groupIds/any()"]),
    ],
)
def test_orderby_takes_expressions_and_drops_constants(orderby: str, meaning: list[str]) -> None:
    query = bound(f"$orderby={orderby}&@a=year(updatedAt)")
    assert [render_expr(order.expr) for order in query.orderby] == meaning


@pytest.mark.parametrize(
    ("orderby", "words"),
    [("length(progress)", "takes text"), ("geo.length(id)", "the function geo.length")],
)
def test_an_order_that_cannot_be_computed_is_refused(orderby: str, words: str) -> None:
    error = refusal(f"$orderby={orderby}")
    assert error.target == "$orderby"
    assert words in error.message


def test_paging_options_are_numbers() -> None:
    query = bound("$top=5&$skip=10&$count=true")
    assert (query.top, query.skip, query.count) == (5, 10, True)
    assert bound("$count=false").count is False


@pytest.mark.parametrize(
    "query",
    [
        "$top=-1",
        "$top=",
        "$top=1.5",
        "$skip=abc",
        "$count=yes",
        "$top=1&top=2",
        "$filter=true&$Filter=true",
        "$nosuch=1",
        "$orderby=id sideways",
        "@a=1&@a=2",
    ],
)
def test_a_malformed_or_doubled_option_is_refused(query: str) -> None:
    assert refusal(query).status == 400


@pytest.mark.parametrize(
    ("query", "status", "target"),
    [
        ("$apply=nest(identity as n)", 501, "$apply"),
        ("$schemaversion=1", 404, "$schemaversion"),
        ("$id=Results('x')", 400, "$id"),
        ("$index=1", 400, "$index"),
        ("$levels=1", 400, "$levels"),
    ],
)
def test_what_is_known_and_not_evaluated_is_never_ignored(
    query: str, status: int, target: str
) -> None:
    error = refusal(query)
    assert (error.status, error.target) == (status, target)


@pytest.mark.parametrize(
    "option",
    [
        "$filter=true",
        "$search=x",
        "$count=true",
        "$orderby=id",
        "$skip=1",
        "$top=1",
        "$skiptoken=x",
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "",
        "$metadata",
        "Results('x')",
        "Results('x')/$ref",
        "Results('x')/state",
        "Results('x')/state/$value",
    ],
)
def test_options_of_collections_are_refused_elsewhere(path: str, option: str) -> None:
    error = refusal(option, path)
    assert (error.status, error.code) == (400, "OptionNotAllowed")
    assert error.target == option.partition("=")[0]


@pytest.mark.parametrize("option", ["$skiptoken=abc", "$deltatoken=abc"])
def test_a_number_has_no_links(option: str) -> None:
    assert refusal(option, "Results/$count").code == "OptionNotAllowed"


@pytest.mark.parametrize("option", ["$select=id", "$expand=*", "$compute=1 as one"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "$metadata",
        "Results/$ref",
        "Results('x')/$ref",
        "Results('x')/state",
        "Results('x')/groupIds",
        "Results('x')/groupIds/$count",
        "Results('x')/state/$value",
    ],
)
def test_only_entities_take_options_of_their_members(path: str, option: str) -> None:
    assert refusal(option, path).code == "OptionNotAllowed"


def test_bare_text_has_one_format() -> None:
    assert refusal("$format=json", "Results('x')/state/$value").code == "OptionNotAllowed"


@pytest.mark.parametrize("option", ["$filter=true", "$orderby=$it", "$search=x", "$apply=identity"])
@pytest.mark.parametrize("path", ["Results('x')/groupIds", "Results('x')/groupIds/$count"])
def test_elements_are_not_filtered_yet(path: str, option: str) -> None:
    error = refusal(option, path)
    assert (error.status, error.target) == (501, option.partition("=")[0])


def test_an_entity_takes_select() -> None:
    query = bound("$select=id,state&$expand=*", "Results('x')")
    assert query.shape is Shape.ENTITY
    assert [p.name for p in query.select] == ["id", "state"]


def test_a_count_keeps_the_filter_only() -> None:
    query = bound("$filter=progress gt 5&$top=1&$skip=1&$orderby=id&$select=id", "Results/$count")
    assert query.shape is Shape.COUNT
    assert (query.top, query.skip, query.orderby, query.count) == (None, 0, (), True)
    assert query.filter == bound("$filter=progress gt 5").filter


def test_a_count_still_checks_what_it_does_not_apply() -> None:
    assert refusal("$orderby=nosuch", "Results/$count").status == 400
    assert refusal("$compute=x as y", "Results/$count").status == 400


def test_custom_options_are_left_to_those_who_append_them() -> None:
    assert bound("sap-client=100&$top=1") == bound("$top=1")


def test_blanks_at_the_ends_of_texts_are_no_part_of_them() -> None:
    """The grammar keeps them, because it writes texts as they came."""
    raw = b"$format=json%0A&$skiptoken=%20abc%20&$deltatoken=%09d&$id=%0D%0Ax"
    options = parse_request(b"Results", raw).options
    found = (options.format, options.skiptoken, options.deltatoken, options.id)
    assert found == ("json", "abc", "d", "x")
