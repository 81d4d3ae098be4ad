"""Expressions (Part 2, 5.1.1): trees where structure matters, canonical text elsewhere."""

from __future__ import annotations

import pytest

from grammar import (
    Alias,
    Binary,
    BoundCall,
    Call,
    Cast,
    CountOf,
    Expr,
    FilteredBy,
    IsOf,
    KeyLookup,
    KeyPredicate,
    Lambda,
    ListExpr,
    Literal,
    LiteralKind,
    Member,
    Name,
    ODataSyntaxError,
    SearchTerm,
    Special,
    Unary,
    parse_expression,
    parse_filter,
    unparse,
)

A, B, C, D = map(Name, "abcd")
ONE, TWO, FIVE = (Literal(LiteralKind.INTEGER, n) for n in (1, 2, 5))
X = Literal(LiteralKind.STRING, "x")

# 5.1.1.17: from the tightest to the weakest; all binary operators associate to the left.
PRECEDENCE: dict[str, Expr] = {
    "a or b and c": Binary("or", A, Binary("and", B, C)),
    "a and b eq c": Binary("and", A, Binary("eq", B, C)),
    "a eq b gt c": Binary("eq", A, Binary("gt", B, C)),
    "a gt b add c": Binary("gt", A, Binary("add", B, C)),
    "a add b mul c": Binary("add", A, Binary("mul", B, C)),
    "a mul -b": Binary("mul", A, Unary("-", B)),
    "-a in (1,2)": Unary("-", Binary("in", A, ListExpr((ONE, TWO)))),
    "not a has b": Unary("not", Binary("has", A, B)),
    "not a eq b": Binary("eq", Unary("not", A), B),
    "a gt 1 eq b": Binary("eq", Binary("gt", A, ONE), B),
    "a sub b sub c": Binary("sub", Binary("sub", A, B), C),
    "a div b mul c": Binary("mul", Binary("div", A, B), C),
    "a sub b add c": Binary("add", Binary("sub", A, B), C),
    "a eq b ne c": Binary("ne", Binary("eq", A, B), C),
    "a or b or c": Binary("or", Binary("or", A, B), C),
    "a or (b or c)": Binary("or", A, Binary("or", B, C)),
    "(a or b) and c": Binary("and", Binary("or", A, B), C),
    "not not a": Unary("not", Unary("not", A)),
    "not (a eq b)": Unary("not", Binary("eq", A, B)),
    "-(5)": Unary("-", FIVE),
    "-5": Literal(LiteralKind.INTEGER, -5),
    "--5": Unary("-", Literal(LiteralKind.INTEGER, -5)),
}

STRUCTURE: dict[str, Expr] = {
    "a in ('x')": Binary("in", A, ListExpr((X,))),
    "a in ()": Binary("in", A, ListExpr(())),
    "a in (b)": Binary("in", A, B),
    'a in ["x",1]': Binary("in", A, ListExpr((X, ONE))),
    "a/b/c": Member(Member(A, "b"), "c"),
    "a/N.T/b": Member(Member(A, "N.T"), "b"),
    "$it/a": Member(Special("$it"), "a"),
    "$root/a('x')/b": Member(
        KeyLookup(Member(Special("$root"), "a"), KeyPredicate((("", X),))), "b"
    ),
    "a(1)/b": Member(KeyLookup(A, KeyPredicate((("", ONE),))), "b"),
    "a/b(c=1,d=@d)": KeyLookup(Member(A, "b"), KeyPredicate((("c", ONE), ("d", Alias("d"))))),
    "a/b(c=d)": BoundCall(A, "b", (("c", D),)),
    "a/b()": BoundCall(A, "b", ()),
    "a/N.b(c=1)": BoundCall(A, "N.b", (("c", ONE),)),
    "N.b(c=a)": BoundCall(None, "N.b", (("c", A),)),
    "a/any()": Lambda(A, "any"),
    "a/ANY(x:x/b)": Lambda(A, "any", "x", Member(Name("x"), "b")),
    "a/all(x:true)": Lambda(A, "all", "x", Literal(LiteralKind.BOOLEAN, True)),
    "a/$count": CountOf(A),
    "a/$count($filter=b;$search=c)": CountOf(A, B, SearchTerm("c")),
    "a/$count(search=c)": CountOf(A, None, SearchTerm("c")),
    "a/$filter(b)/$count": CountOf(FilteredBy(A, B)),
    "ToLower(a)": Call("tolower", (A,)),
    "matchesPattern(a,'x')": Call("matchespattern", (A, X)),
    "geo.Length(a)": Call("geo.length", (A,)),
    "now()": Call("now", ()),
    "cast(N.T)": Cast(None, "N.T"),
    "cast(a,Collection(Edm.String))": Cast(A, "Collection(Edm.String)"),
    "isof(a,N.T)": IsOf(A, "N.T"),
    "isof(N.T)": IsOf(None, "N.T"),
    "@a/b": Member(Alias("a"), "b"),
    "@N.a#q/b": Member(Name("@N.a#q"), "b"),
    "a/@N.b": Member(A, "@N.b"),
}

# Blanks where clients send them, any case where 4.01 says so; and the one text they all become.
CANONICAL = {
    "not(a)": "not a",
    "NOT (a EQ b)": "not (a eq b)",
    " a  Eq\tb ": "a eq b",
    "( a ) and ( b )": "a and b",
    "(a)and(b)": "a and b",
    "contains( a , 'x' )": "contains(a,'x')",
    "a in ( 1 , 2 )": "a in (1,2)",
    "a in(1,2)": "a in (1,2)",
    "A eq a": "A eq a",
    "TRUE or False": "true or false",
    '{ "a" : [ 1 , "x" ] , "b": null }': '{"a":[1,"x"],"b":null}',
    "case( a : 1 , true : 0 )": "case(a:1,true:0)",
    "case(a gt 10 :15)": "case(a gt 10 :15)",
    "case(a gt -1:-1)": "case(a gt -1:-1)",
    '[\'x\',"y\\""]': '["x","y\\""]',
    "(a sub (b sub c)) mul d": "(a sub (b sub c)) mul d",
    "((a add b)) mul c": "(a add b) mul c",
    "a in (b or c)": "a in (b or c)",
    "(a in b) has c": "a in b has c",
    "(-a) has b": "(-a) has b",
    "-(INF)": "-(INF)",
    "a/$count( $filter = b eq 1 ; $search = c )": "a/$count($filter=b eq 1;$search=c)",
    "a/aggregate(b with sum from c with average)": "a/aggregate(b with sum from c with average)",
    "$these/aggregate(Forecast)": "$these/aggregate(Forecast)",
    "a/$filter(b)/any(x:x eq $it)": "a/$filter(b)/any(x:x eq $it)",
    'N.f(a={"b":[c]})/d': 'N.f(a={"b":[c]})/d',
    "substring(a,-1)": "substring(a,-1)",
    "substring(a,1,2)": "substring(a,1,2)",
    "a in [b,1]": "a in [b,1]",
    "isdefined(a/b)": "isdefined(a/b)",
}

REFUSED = (
    "a eq1",
    "aeq 1",
    "a eq'x'",
    "NULL NULL",
    "a ANDb",
    "a in (b,c)",
    "a in (1,b)",
    "a eq (1,2)",
    "any(x:x)",
    "a/all()",
    "a/any(N.x:x)",
    "a/ b",
    "$IT eq 1",
    "$it.a",
    "f(a)",
    "f(1,2)/a",
    "contains(a=1,b=2)",
    "N.f(1)",
    "a/N.f(1)",
    "a/f(1,2)",
    "a/f(b)",
    "cast(a,'Edm.Int32')",
    "case()",
    '"a"',
    "{a:1}",
    "a/$count(top=1)",
    "a/$count($filter=b;$filter=c)",
    "a/$value",
    "a.b.c/",
    ".a",
    "a..b",
    "1a",
    "x'x",
    r'["\x"]',
    r'["\ud800"]',
)


@pytest.mark.parametrize(("text", "tree"), (PRECEDENCE | STRUCTURE).items())
def test_text_becomes_tree(text: str, tree: Expr) -> None:
    assert parse_expression(text) == tree
    assert parse_expression(unparse(tree)) == tree


@pytest.mark.parametrize(("text", "canonical"), CANONICAL.items())
def test_text_becomes_canonical_and_stays_so(text: str, canonical: str) -> None:
    tree = parse_filter(text)
    assert unparse(tree) == canonical
    assert parse_filter(canonical) == tree


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_odata_is_refused(text: str) -> None:
    with pytest.raises(ODataSyntaxError):
        parse_filter(text)
