"""$apply: what is bound, which types the results have, and what is refused by name."""

from __future__ import annotations

import pytest

from gateway.edm.types import PrimitiveType
from gateway.query.bind.apply import TRANSFORMATIONS
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.render import render_expr
from gateway.query.tree.transformations import BoundApply
from tests.query.asking import SCHEMA, bound, refusal

ENTITY = SCHEMA.entity_sets[0].entity_type.names


def applied(query: str) -> BoundApply:
    found = bound(query).apply
    assert found is not None
    return found


def types(query: str) -> dict[str, PrimitiveType]:
    return {prop.name: prop.type for prop in applied(query).rows.properties}


def conditions(query: BoundQuery) -> tuple[str | None, str | None]:
    """The filter of the entities, and that of what $apply makes of them."""
    after = query.apply.filter if query.apply else None
    first, second = (None if c is None else render_expr(c) for c in (query.filter, after))
    return first, second


@pytest.mark.parametrize(
    ("aggregate", "type_"),
    [
        ("$count as x", PrimitiveType.DECIMAL),
        ("progress with sum as x", PrimitiveType.DOUBLE),
        ("progress with average as x", PrimitiveType.DOUBLE),
        ("length(userName) with sum as x", PrimitiveType.INT64),
        ("length(userName) with max as x", PrimitiveType.INT32),
        ("length(userName) with average as x", PrimitiveType.DOUBLE),
        ("length(userName) divby 4 with sum as x", PrimitiveType.DECIMAL),
        ("userName with countdistinct as x", PrimitiveType.DECIMAL),
        ("userName with min as x", PrimitiveType.STRING),
        ("updatedAt with max as x", PrimitiveType.DATE_TIME_OFFSET),
        ("updatedAt sub startedAt with max as x", PrimitiveType.DURATION),
        ("$count from userId with average as x", PrimitiveType.DOUBLE),
        ("$count from userId with max as x", PrimitiveType.DECIMAL),
        ("userName with countdistinct from userId with sum as x", PrimitiveType.DECIMAL),
    ],
)
def test_a_result_has_the_type_of_its_method(aggregate: str, type_: PrimitiveType) -> None:
    assert types(f"$apply=aggregate({aggregate})") == {"x": type_}


@pytest.mark.parametrize(
    ("text", "names", "common"),
    [
        ("groupby((state))", ("state",), ("state",)),
        ("groupby((state,userId,state))", ("state", "userId"), ("state", "userId")),
        ("groupby((userId),aggregate($count as n))", ("userId", "n"), ("userId", "n")),
        ("groupby((state),topcount(1,progress))/compute(1 as one)",
         (*ENTITY, "one"), (*ENTITY, "one")),
        ("groupby((rollup(state,userId)),aggregate($count as n))",
         ("state", "userId", "n"), ("state", "n")),
        ("groupby((contentId,rollup(state,userId),rollup(contentType,contentName)))",
         ("contentId", "state", "userId", "contentType", "contentName"),
         ("contentId", "state", "contentType")),
        ("concat(groupby((state),aggregate($count as n)),aggregate($count as n))",
         ("state", "n"), ("n",)),
        ("concat(aggregate($count as n),aggregate($count as m))", ("n", "m"), ()),
        ("concat(filter(progress gt 1),topcount(1,progress))", ENTITY, ENTITY),
    ],
)  # fmt: skip
def test_rows_have_the_grouping_properties_and_aliases(
    text: str, names: tuple[str, ...], common: tuple[str, ...]
) -> None:
    query = bound(f"$apply={text}")
    assert query.apply is not None
    assert tuple(prop.name for prop in query.select) == names
    assert query.apply.rows.common == common


@pytest.mark.parametrize(
    ("query", "first", "second"),
    [
        ("$apply=filter(state eq 'FAILED')", "state eq 'FAILED'", None),
        ("$apply=filter(state eq 'FAILED')/search(a)&$filter=progress gt 1&$search=b",
         "(state eq 'FAILED') and search('a') and search('b') and (progress gt 1)", None),
        ("$apply=filter(state eq 'FAILED')/identity/filter(progress gt 1)/aggregate($count as n)",
         "(state eq 'FAILED') and (progress gt 1)", None),
        ("$apply=groupby((state))&$filter=state ne 'FAILED'", None, "state ne 'FAILED'"),
        ("$apply=groupby((state))&$search=a&$filter=state ne 'FAILED'",
         None, "search('a') and (state ne 'FAILED')"),
        ("$apply=filter(@a)/aggregate($count as n)&$filter=n gt 5&@a=state eq 'FAILED'",
         "state eq 'FAILED'", "n gt 5"),
    ],
)  # fmt: skip
def test_leading_filters_are_those_of_the_entities(
    query: str, first: str | None, second: str | None
) -> None:
    assert conditions(bound(query)) == (first, second)


@pytest.mark.parametrize("text", ["identity", "identity/identity", "filter(state eq 'FAILED')"])
def test_what_keeps_the_rows_is_a_plain_query(text: str) -> None:
    query = bound(f"$apply={text}&$orderby=id&$top=3&$select=id")
    assert query.apply is None
    plain = "&$filter=state eq 'FAILED'" if "filter" in text else ""
    assert query == bound(f"$orderby=id&$top=3&$select=id{plain}")


def test_what_follows_sees_the_result() -> None:
    query = bound(
        "$apply=groupby((state),aggregate($count as n))&$compute=n mul 2 as twice"
        "&$filter=twice gt 5 and state ne null&$orderby=twice desc,state&$select=state,twice"
    )
    assert query.apply is not None
    assert query.apply.filter is not None
    assert render_expr(query.apply.filter) == "((n mul 2) gt 5) and (state ne null)"
    assert [render_expr(order.expr) for order in query.orderby] == ["n mul 2", "state"]
    assert [prop.name for prop in query.select] == ["state", "twice"]
    count = bound("$apply=groupby((state))&$filter=state ne null", "Results/$count")
    assert count.apply == bound("$apply=groupby((state))&$filter=state ne null").apply


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        # names
        ("$apply=aggregate(progress with sum as state)", 400, "already taken"),
        ("$apply=aggregate($count as progress)", 400, "already taken"),
        ("$apply=groupby((progress),aggregate(progress with sum as progress))", 400, "already"),
        ("$apply=aggregate(progress with sum as progress,progress with max as progress)", 400,
         "already taken"),
        ("$apply=aggregate(progress with sum from progress with max as progress)", 400, "already"),
        ("$apply=groupby((rollup(state,progress)),aggregate(progress with sum as progress))", 400,
         "already taken"),
        ("$apply=groupby((progress),aggregate(length(id) with sum as a)/"
         "aggregate(a with sum as progress))", 400, "already taken"),
        ("$apply=aggregate($count as n,progress with sum as n)", 400, "already taken"),
        ("$apply=compute(1 as n)/groupby((n),aggregate($count as n))", 400, "already taken"),
        ("$apply=compute(1 as a)/groupby((a),aggregate($count as n)/compute(n as a))", 400,
         "already taken"),
        ("$apply=aggregate($count as n,progress with sum as N)", 501, "differ only in case"),
        ("$apply=aggregate($count as n)&$compute=n as n", 400, "already taken"),
        ("$apply=aggregate($count as n)&$compute=n as state", 400, "already taken"),
        ("$apply=groupby((nosuch))", 400, "Result has no property 'nosuch'"),
        ("$apply=groupby((userid))", 400, "did you mean userId?"),
        ("$apply=groupby((state))&$filter=userId eq 'x'", 400,
         "$filter: the result of $apply (state) has no property 'userId'"),
        ("$apply=groupby((state))&$select=userId", 400, "$select: the result of $apply (state)"),
        ("$apply=groupby((state))&$orderby=userId", 400, "$orderby"),
        ("$apply=aggregate($count as n)/filter(state eq 'x')", 400, "the result of $apply (n)"),
        ("$apply=groupby((state),aggregate($count as n)/filter(state eq 'x'))", 400,
         "the result of $apply (n)"),
        # types
        ("$apply=aggregate(userName with sum as s)", 400, "sum takes numbers, but userName"),
        ("$apply=aggregate(updatedAt with average as s)", 400, "average takes numbers"),
        ("$apply=aggregate(userName with min from state with sum as s)", 400, "sum takes numbers"),
        ("$apply=aggregate(groupIds with countdistinct as s)", 400, "groupIds is a collection"),
        ("$apply=aggregate(null with max as s)", 400, "always null"),
        ("$apply=aggregate(progress)", 400, "needs `with` a method"),
        ("$apply=aggregate(nosuch)", 400, "no property 'nosuch'"),
        ("$apply=aggregate(2024-01-01T00:00:00.0000001Z with max as m)", 400, "six fractional"),
        ("$apply=groupby((groupIds))", 400, "groupIds is a collection"),
        ("$apply=filter(progress)", 400, "a condition is needed"),
        ("$apply=topcount(0,progress)", 400, "topcount must be a whole number of 1 or more"),
        ("$apply=bottomcount(1.5,progress)", 400, "a whole number"),
        ("$apply=topcount(state,progress)", 400, "a limit has no property 'state'"),
        ("$apply=topcount(1,groupIds)", 400, "groupIds is a collection"),
        ("$apply=topsum('a',progress)", 400, "topsum must be a number"),
        ("$apply=topsum(null,progress)", 400, "topsum must be a number"),
        ("$apply=topsum(5,state)", 400, "topsum adds numbers, but state is of type Edm.String"),
        ("$apply=toppercent(0,progress)", 400, "above 0 and at most 100"),
        ("$apply=bottompercent(100.5,progress)", 400, "above 0 and at most 100"),
        # what is not evaluated
        ("$apply=topcount(true,progress)", 501, "a limit that is not a number"),
        ("$apply=aggregate(progress with Some.median as m)", 501, "Some.median"),
        ("$apply=aggregate(groupIds/$count as n)", 501, "$apply"),
        ("$apply=groupby((rollup(state)))", 501, "rollup(state) names a hierarchy"),
        ("$apply=nest(identity as n)", 501, "does not evaluate nest(identity as n); use"),
        ("$apply=join(groupIds as g)", 501, "does not evaluate join(groupIds as g)"),
        ("$apply=Some.function(a=1)", 501, "does not evaluate Some.function(a=1)"),
        ("$apply=concat(aggregate($count as n),aggregate(progress with sum as n))", 501,
         "n is Edm.Decimal in one part of the result and Edm.Double in another"),
        ("$apply=concat(groupby((state)),groupby((userId)))/groupby((state))", 501,
         "some rows here do not have state"),
        ("$apply=groupby((state),concat(groupby((state)),aggregate($count as n)))", 501,
         "some rows here do not have state"),
        ("$apply=groupby((rolluprecursive($root/Results,Q,state)))", 501, "rolluprecursive"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused(query: str, status: int, words: str) -> None:
    error = refusal(query)
    assert error.status == status, error.message
    assert words in error.message


@pytest.mark.parametrize(
    "text",
    [
        "/".join(["top(1)"] * 101),
        "concat(" + ",".join(["identity"] * 60) + ")",
        "groupby((rollup(state,userId,contentId,userName),rollup(contentType,contentName,userEmail,"
        "updatedAt,startedAt),rollup(progress,enrollmentType,expiryDate,completedAt,department)))",
        "aggregate(" + ",".join(f"$count from state with max as n{n}" for n in range(101)) + ")",
    ],
)
def test_what_is_transformed_at_once_has_a_limit(text: str) -> None:
    error = refusal(f"$apply={text}")
    assert error.code == "LimitExceeded"
    assert "split the query" in error.message


@pytest.mark.parametrize("path", ["", "$metadata", "Results('x')"])
def test_only_collections_take_it(path: str) -> None:
    error = refusal("$apply=identity", path)
    assert (error.code, error.target) == ("OptionNotAllowed", "$apply")


def test_each_announced_transformation_is_bound() -> None:
    arguments = {
        "identity": "",
        "filter": "(true)",
        "search": "(a)",
        "compute": "(1 as a)",
        "aggregate": "($count as n)",
        "groupby": "((state))",
        "orderby": "(id)",
        "concat": "(identity,identity)",
        "skip": "(1)",
        "top": "(1)",
    }
    for name in TRANSFORMATIONS:
        assert bound(f"$apply={name}{arguments.get(name, '(1,progress)')}")


def test_an_explanation_has_the_canonical_text() -> None:
    assert applied("$apply=GroupBy( (state) , aggregate($count  as n))").text == (
        "groupby((state),aggregate($count as n))"
    )


@pytest.mark.parametrize(
    "steps",
    [
        "aggregate(progress with sum as progress)",
        "aggregate(progress with sum as progress,progress with max as most,$count as n)",
        "aggregate(progress mul 2 with max as progress)",
        "aggregate(userId with countdistinct as userId)",
        "aggregate(progress with sum from state with max as progress)",
        "groupby((state),aggregate(progress with average as progress))",
        "groupby((rollup(state,contentType)),aggregate(progress with average as progress))",
        "groupby((state,userId),aggregate(progress with max as progress))"
        "/groupby((state),aggregate(progress with sum as progress))",
        "compute(progress add 1 as more)/aggregate(more with sum as more)",
        "aggregate($count as n)/aggregate(n with max as n)",
        "aggregate(progress with sum as Progress)",
        "groupby((state),topcount(2,progress)/aggregate(progress with sum as progress))",
    ],
)
def test_an_aggregate_may_take_the_name_of_what_it_aggregates(steps: str) -> None:
    """It means the aggregate from there on; nothing else of the row's is left."""
    query = bound(f"$apply={steps}")
    assert query.apply is not None
    last = steps.rpartition("(")[2].rpartition(" as ")[2].rstrip(")")
    assert last in [prop.name for prop in query.select if prop.dynamic]
