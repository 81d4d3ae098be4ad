"""Hypothesis strategies for trees that the grammar can produce.

Where the text is ambiguous the grammar decides, so a few trees cannot come from text and are left
out: a name that reads as a literal (`true`), an undotted bound call whose arguments read as a key,
a key on the first name of a path with nothing after it.
"""

from __future__ import annotations

import math
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from grammar import (
    Aggregated,
    AggregateFrom,
    AggregateItem,
    Alias,
    Binary,
    BoundCall,
    Call,
    Case,
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
    RecordExpr,
    SearchAnd,
    SearchExpr,
    SearchIncomplete,
    SearchNot,
    SearchOr,
    SearchTerm,
    Special,
    Unary,
)
from grammar.parse.functions import ARITIES
from grammar.write.expressions import BINDING

K = LiteralKind
RESERVED = {"true", "false", "not", "null", "inf", "nan"}


def unreserved(name: str) -> bool:
    return name.lower() not in RESERVED


_ODD_NAMES = [
    "eq",
    "and",
    "in",
    "desc",
    "any",
    "contains",
    "\u00e9t\u00e9",
    "\u0416\u0301",
    "x" * 128,
]
_PLAIN_TYPES = ["Edm.String", "Collection(Edm.Int32)", "Customer"]

identifiers: SearchStrategy[str] = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True), st.sampled_from(_ODD_NAMES)
)
names = identifiers.filter(unreserved)
qualified = st.builds("{}.{}".format, identifiers, identifiers)
types: SearchStrategy[str] = qualified | st.sampled_from(
    ["Edm.String", "Collection(Edm.Int32)", "Customer"]
)
annotation_names = st.builds("@{}{}".format, qualified, st.sampled_from(["", "#q"]))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

days: SearchStrategy[str] = st.builds(
    "{}{:04}-{:02}-{:02}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 12_000),
    st.integers(1, 12),
    st.integers(1, 28),
)
times = st.builds(
    "{:02}:{:02}:{:02}{}".format,
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 60),
    st.sampled_from(["", ".5", ".123456789012"]),
)
instants = st.builds(
    "{}T{}{}".format, days, times, st.sampled_from(["Z", "+01:00", "-23:59", "+00:30"])
)

literals: SearchStrategy[Literal] = st.one_of(
    st.just(Literal(K.NULL, None)),
    st.builds(Literal, st.just(K.BOOLEAN), st.booleans()),
    st.builds(Literal, st.just(K.INTEGER), st.integers()),
    st.builds(
        Literal,
        st.just(K.DECIMAL),
        st.decimals(allow_nan=False, allow_infinity=False, places=3).filter(
            lambda value: abs(value) < Decimal(10) ** 50
        ),
    ),
    st.builds(Literal, st.just(K.DOUBLE), st.floats(allow_nan=False) | st.just(math.nan)),
    st.builds(Literal, st.just(K.STRING), texts),
    st.builds(Literal, st.just(K.DATE), days),
    st.builds(Literal, st.just(K.TIME_OF_DAY), times),
    st.builds(Literal, st.just(K.DATE_TIME_OFFSET), instants),
    st.builds(Literal, st.just(K.DURATION), st.sampled_from(["P1D", "-PT0.5S", "P0DT1H2M3S"])),
    st.builds(Literal, st.just(K.GUID), st.uuids().map(str)),
    st.builds(Literal, st.just(K.BINARY), st.sampled_from(["", "Zg", "Zm9v", "_-8"])),
    st.builds(Literal, st.just(K.ENUM), st.sampled_from(["A", "A,-3"]), qualified),
    st.just(Literal(K.GEOGRAPHY, "SRID=0;Point(1 2)")),
    st.just(Literal(K.GEOMETRY, "SRID=0;LineString(1 2,3 4)")),
)
aliases = st.builds(Alias, identifiers)
starts: SearchStrategy[Expr] = st.one_of(
    st.builds(Name, names | qualified | annotation_names),
    st.builds(Special, st.sampled_from(["$it", "$root", "$this", "$these"])),
    aliases,
)
key_values = literals | aliases
keys = st.builds(lambda value: KeyPredicate((("", value),)), key_values) | st.builds(
    lambda pairs: KeyPredicate(tuple(pairs)),
    st.lists(st.tuples(identifiers, key_values), min_size=1, max_size=2),
)

search_terms: SearchStrategy[SearchExpr] = st.one_of(
    st.builds(SearchTerm, st.from_regex(r"[^\s\"'();][^\s\"();]{0,4}", fullmatch=True)),
    st.builds(SearchTerm, texts.filter(bool), st.just(True)),
    st.sampled_from([SearchTerm("AND"), SearchTerm("OR"), SearchTerm("NOT")]),
)
searches: SearchStrategy[SearchExpr] = st.builds(SearchIncomplete, texts) | st.recursive(
    search_terms,
    lambda inner: st.one_of(
        st.builds(SearchNot, inner),
        st.builds(SearchAnd, inner, inner),
        st.builds(SearchOr, inner, inner),
    ),
    max_leaves=8,
)


methods = st.sampled_from(["sum", "min", "max", "average", "countdistinct"]) | qualified
simple_paths: SearchStrategy[Expr] = st.builds(Name, names) | st.builds(
    Member, st.builds(Name, names), identifiers
)
with_steps = st.lists(
    st.builds(AggregateFrom, st.lists(simple_paths, min_size=1, max_size=2).map(tuple), methods),
    max_size=2,
).map(tuple)
aggregated: SearchStrategy[AggregateItem] = st.deferred(
    lambda: (
        st.builds(AggregateItem, expressions, methods, st.just(""), with_steps)
        | st.builds(AggregateItem, simple_paths)
    )
)

expressions: SearchStrategy[Expr] = st.deferred(lambda: literals | starts | _compound)
# What may have a path after it, and those paths.
paths: SearchStrategy[Expr] = st.deferred(lambda: starts | _calls | _steps)

_items = st.lists(expressions, max_size=3).map(tuple)
_named = st.lists(st.tuples(identifiers, expressions), max_size=2).map(tuple)
_branches = st.lists(st.tuples(expressions, expressions), min_size=1, max_size=2).map(tuple)


def _call(name: str) -> SearchStrategy[Expr]:
    least, most = ARITIES[name]
    values = st.lists(expressions, min_size=least, max_size=most)
    return values.map(lambda items: Call(name, tuple(items)))


def _is_no_function(name: str) -> bool:
    return name.lower() not in ARITIES


def _is_no_quantifier(name: str) -> bool:
    return name.lower() not in {"any", "all", "aggregate"}


_calls: SearchStrategy[Expr] = st.one_of(
    st.sampled_from(sorted(ARITIES)).flatmap(_call),
    st.builds(Cast, expressions | st.none(), types),
    st.builds(IsOf, expressions | st.none(), types),
    st.builds(Case, _branches),
    st.builds(BoundCall, st.none(), qualified.filter(_is_no_function), _named),
)
_steps: SearchStrategy[Expr] = st.one_of(
    st.builds(Member, paths, identifiers | qualified | annotation_names),
    st.builds(
        lambda base, name, key: KeyLookup(Member(base, name), key),
        paths,
        identifiers.filter(_is_no_quantifier),
        keys,
    ),
    st.builds(CountOf, paths, expressions | st.none(), searches | st.none()),
    st.builds(FilteredBy, paths, expressions),
    st.builds(Lambda, paths, st.sampled_from(["any", "all"]), identifiers, expressions),
    st.builds(Lambda, paths, st.just("any")),
    st.builds(Aggregated, paths, aggregated),
    st.builds(BoundCall, paths, qualified, _named),
    st.builds(BoundCall, paths, identifiers.filter(_is_no_quantifier), st.just(())),
    st.builds(
        lambda base, name, value: BoundCall(base, name, (("p", value),)),
        paths,
        identifiers.filter(_is_no_quantifier),
        starts.filter(lambda start: not isinstance(start, Alias)),
    ),
)
_lists = st.builds(ListExpr, st.lists(literals, max_size=3).map(tuple))
_compound: SearchStrategy[Expr] = st.one_of(
    st.builds(Unary, st.sampled_from(["not", "-"]), expressions),
    st.builds(Binary, st.sampled_from(sorted(BINDING)), expressions, expressions),
    st.builds(Binary, st.just("in"), expressions, _lists),
    st.builds(ListExpr, _items),
    st.builds(RecordExpr, st.lists(st.tuples(texts, expressions), max_size=2).map(tuple)),
    paths,
)
