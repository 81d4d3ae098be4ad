"""$apply (OData Extension for Data Aggregation 4.0)."""

from __future__ import annotations

import pytest

from grammar import (
    AddNested,
    Aggregate,
    AggregateFrom,
    AggregateItem,
    Binary,
    ComputeItem,
    ComputeStep,
    Concat,
    CountOf,
    CustomStep,
    Expr,
    FilterStep,
    GroupBy,
    Identity,
    Join,
    Literal,
    LiteralKind,
    Member,
    Name,
    Nest,
    NestItem,
    ODataSyntaxError,
    OrderByStep,
    OrderItem,
    RecursiveHierarchy,
    Relatives,
    Rollup,
    RollupRecursive,
    SearchStep,
    SearchTerm,
    SkipStep,
    Special,
    TopBottom,
    TopStep,
    Transformation,
    Traverse,
    parse_apply,
    unparse,
)

A, B, C = map(Name, "abc")
TWO = Literal(LiteralKind.INTEGER, 2)
TREE = RecursiveHierarchy(Member(Special("$root"), "S"), "Q", Name("ID"))


def one(expression: Expr, method: str = "", alias: str = "") -> Aggregate:
    return Aggregate((AggregateItem(expression, method, alias),))


SEQUENCES: dict[str, tuple[Transformation, ...]] = {
    "identity": (Identity(),),
    "Identity/IDENTITY": (Identity(), Identity()),
    "aggregate(a with sum as b)": (one(A, "sum", "b"),),
    "aggregate( a  with  Custom.concat  as  b )": (one(A, "Custom.concat", "b"),),
    "aggregate(a mul b with max as c)": (one(Binary("mul", A, B), "max", "c"),),
    "aggregate($count as n)": (one(Special("$count"), "", "n"),),
    "aggregate(a/$count as n)": (one(CountOf(A), "", "n"),),
    "aggregate(a)": (one(A),),
    "aggregate(a/b as c,a)": (
        Aggregate((AggregateItem(Member(A, "b"), "", "c"), AggregateItem(A))),
    ),
    "aggregate(a with sum from b,c with average from c with max as d)": (
        Aggregate(
            (
                AggregateItem(
                    A,
                    "sum",
                    "d",
                    (AggregateFrom((B, C), "average"), AggregateFrom((C,), "max")),
                ),
            )
        ),
    ),
    "aggregate(a from b with average from c as d)": (
        Aggregate(
            (AggregateItem(A, "", "d", (AggregateFrom((B,), "average"), AggregateFrom((C,)))),)
        ),
    ),
    "aggregate($count from b with average as d)": (
        Aggregate((AggregateItem(Special("$count"), "", "d", (AggregateFrom((B,), "average"),)),)),
    ),
    "groupby((a))": (GroupBy((A,)),),
    "groupby( ( a , b/c ) , aggregate(a with min as m)/top(2) )": (
        GroupBy((A, Member(B, "c")), (one(A, "min", "m"), TopStep(2))),
    ),
    "groupby((rollup(a,b),c))": (GroupBy((Rollup((A, B)), C)),),
    "groupby((rolluprecursive($root/S,Q,ID)))": (GroupBy((RollupRecursive(TREE),)),),
    "groupby((rolluprecursive($root/S,Q,ID,identity)))": (
        GroupBy((RollupRecursive(TREE, (Identity(),)),)),
    ),
    "concat(identity,aggregate(a)/skip(1),identity)": (
        Concat(((Identity(),), (one(A), SkipStep(1)), (Identity(),))),
    ),
    "filter(a eq 2)": (FilterStep(Binary("eq", A, TWO)),),
    "search(x)": (SearchStep(SearchTerm("x")),),
    "compute(a as b)": (ComputeStep((ComputeItem(A, "b"),)),),
    "orderby(a desc,b)": (OrderByStep((OrderItem(A, descending=True), OrderItem(B))),),
    "TopCount(2,a)/bottompercent(2,b)": (
        TopBottom("topcount", TWO, A),
        TopBottom("bottompercent", TWO, B),
    ),
    "nest(identity as X,top(2) as Y)": (
        Nest((NestItem((Identity(),), "X"), NestItem((TopStep(2),), "Y"))),
    ),
    "addnested(a,filter(b) as X)": (AddNested(A, (NestItem((FilterStep(B),), "X"),)),),
    "join(a as X)": (Join(A, "X"),),
    "outerjoin(a as X,identity)": (Join(A, "X", (Identity(),), outer=True),),
    "ancestors($root/S,Q,ID,filter(a))": (Relatives("ancestors", TREE, (FilterStep(A),)),),
    "Descendants($root/S,Q,ID,filter(a)/top(2),3,keep start)": (
        Relatives("descendants", TREE, (FilterStep(A), TopStep(2)), 3, keep_start=True),
    ),
    "ancestors($root/S,Q,ID,identity,Keep  Start)": (
        Relatives("ancestors", TREE, (Identity(),), None, keep_start=True),
    ),
    "ancestors($root/S,Q,ID,identity,3)": (Relatives("ancestors", TREE, (Identity(),), 3),),
    "traverse($root/S,Q,ID,PreOrder)": (Traverse(TREE, "preorder"),),
    "traverse($root/S,Q,ID,postorder,a desc)": (
        Traverse(TREE, "postorder", (OrderItem(A, descending=True),)),
    ),
    "N.f(a=2)": (CustomStep("N.f", (("a", TWO),)),),
    "N.f()": (CustomStep("N.f"),),
}

REFUSED = {
    "aggregate()": "aggregate needs a value",
    "aggregate(a with sum)": "the value needs a name",
    "aggregate(a with Sum as b)": "unknown aggregation method 'Sum'",
    "aggregate(a with avg as b)": "unknown aggregation method 'avg'",
    "aggregate(a with count as b)": "unknown aggregation method 'count'",
    "aggregate(a with foo as b)": "unknown aggregation method 'foo'",
    "aggregate(a with sum from b as c)": "each `from` after `with` needs its own `with`",
    "aggregate(a mul b as c)": "the expression needs `with` and a method",
    "aggregate(a with sum as N.b)": "a new name cannot have a namespace",
    "aggregate($count as N.b)": "a new name cannot have a namespace",
    "aggregate($count with sum as b)": "$count takes no method",
    "groupby(a)": "groupby needs two pairs of parentheses",
    "groupby((N.T))": "groupby takes paths that end in a property",
    "groupby((a/N.T))": "groupby takes paths that end in a property",
    "groupby((a/$count))": "groupby takes paths that end in a property",
    "concat(identity)": "concat takes two sequences or more",
    "grupby((a))": "unknown transformation 'grupby'",
    "agregate(a)": "unknown transformation 'agregate'",
    "expand(a)": "unknown transformation 'expand'",
    "N.f(2)": "N.f takes named parameters",
    "top(-1)": "top takes a whole number of 0 or more",
    "identity/": "unexpected end",
    "": "unexpected end",
}


@pytest.mark.parametrize(("text", "tree"), SEQUENCES.items())
def test_sequence(text: str, tree: tuple[Transformation, ...]) -> None:
    assert parse_apply(text) == tree
    assert parse_apply(unparse(tree)) == tree


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_refused(text: str, message: str) -> None:
    with pytest.raises(ODataSyntaxError) as caught:
        parse_apply(text)
    assert caught.value.message == message


def test_parts_unparse_alone() -> None:
    assert unparse(AggregateItem(A, "sum", "b")) == "a with sum as b"
    assert unparse(Identity()) == "identity"
