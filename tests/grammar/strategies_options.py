"""Hypothesis strategies for items of options, transformations, option sets and resource paths."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from grammar import (
    AddNested,
    Aggregate,
    AggregateItem,
    ComputeItem,
    ComputeStep,
    Concat,
    CustomStep,
    ExpandItem,
    FilterStep,
    GroupBy,
    Identity,
    Join,
    KeyPredicate,
    Nest,
    NestItem,
    OrderByStep,
    OrderItem,
    QueryOptions,
    RecursiveHierarchy,
    Relatives,
    ResourcePath,
    Rollup,
    RollupRecursive,
    SearchStep,
    Segment,
    SelectItem,
    SkipStep,
    Special,
    TopBottom,
    TopStep,
    Transformation,
    Traverse,
)
from tests.grammar.strategies import (
    annotation_names,
    expressions,
    identifiers,
    key_values,
    keys,
    methods,
    names,
    qualified,
    searches,
    simple_paths,
    texts,
    with_steps,
)

counts = st.integers(0, 10**18 - 1)
order_items = st.builds(OrderItem, expressions, st.booleans())
orders = st.lists(order_items, min_size=1, max_size=2).map(tuple)
computes = st.lists(st.builds(ComputeItem, expressions, identifiers), min_size=1, max_size=2).map(
    tuple
)

aggregates = st.one_of(
    st.builds(AggregateItem, expressions, methods, identifiers, with_steps),
    st.builds(AggregateItem, simple_paths, st.just(""), identifiers | st.just("")),
    st.builds(AggregateItem, st.just(Special("$count")), st.just(""), identifiers, with_steps),
)
sequences: SearchStrategy[tuple[Transformation, ...]] = st.deferred(
    lambda: st.lists(transformations, min_size=1, max_size=2).map(tuple)
)
some_or_none: SearchStrategy[tuple[Transformation, ...]] = st.just(()) | sequences
hierarchies = st.builds(RecursiveHierarchy, simple_paths, identifiers, simple_paths)
groupings = st.one_of(
    simple_paths,
    st.builds(Rollup, st.lists(simple_paths, min_size=1, max_size=2).map(tuple)),
    st.builds(RollupRecursive, hierarchies, some_or_none),
)
nestings = st.lists(st.builds(NestItem, sequences, identifiers), min_size=1, max_size=2).map(tuple)
_KINDS = ["topcount", "topsum", "toppercent", "bottomcount", "bottomsum", "bottompercent"]

transformations: SearchStrategy[Transformation] = st.one_of(
    st.just(Identity()),
    st.builds(SkipStep, counts),
    st.builds(TopStep, counts),
    st.builds(FilterStep, expressions),
    st.builds(SearchStep, searches),
    st.builds(ComputeStep, computes),
    st.builds(OrderByStep, orders),
    st.builds(TopBottom, st.sampled_from(_KINDS), expressions, expressions),
    st.builds(Aggregate, st.lists(aggregates, min_size=1, max_size=2).map(tuple)),
    st.builds(GroupBy, st.lists(groupings, min_size=1, max_size=2).map(tuple), some_or_none),
    st.builds(Concat, st.lists(sequences, min_size=2, max_size=3).map(tuple)),
    st.builds(Nest, nestings),
    st.builds(AddNested, simple_paths, nestings),
    st.builds(Join, simple_paths, identifiers, some_or_none, st.booleans()),
    st.builds(
        Relatives,
        st.sampled_from(["ancestors", "descendants"]),
        hierarchies,
        sequences,
        st.none() | counts,
        st.booleans(),
    ),
    st.builds(Traverse, hierarchies, st.sampled_from(["preorder", "postorder"]), orders),
    st.builds(
        CustomStep, qualified, st.lists(st.tuples(identifiers, expressions), max_size=2).map(tuple)
    ),
)

_select_paths = st.lists(identifiers | qualified | annotation_names, min_size=1, max_size=3).map(
    tuple
)


@st.composite
def _select_options(draw: st.DrawFn) -> QueryOptions:
    return draw(_options(_NESTED))


selects = st.lists(
    st.one_of(
        st.builds(SelectItem, st.sampled_from([("*",), ("N.*",)])),
        st.builds(SelectItem, _select_paths, st.none(), st.lists(names, max_size=2).map(tuple)),
        st.builds(SelectItem, _select_paths, st.none() | _select_options()),
    ),
    min_size=1,
    max_size=2,
).map(tuple)


def _expand_item(suffix: str) -> SearchStrategy[ExpandItem]:
    paths = _select_paths | st.sampled_from([("*",), ("a", "*")])
    fields = {"": _EXPAND, "$ref": _REF, "$count": _COUNT}[suffix]
    return st.builds(ExpandItem, paths, st.just(suffix), st.none() | _options(fields))


def _path_of(item: ExpandItem) -> tuple[str, ...]:
    return *item.path, item.suffix


expands = st.lists(
    st.sampled_from(["", "$ref", "$count"]).flatmap(_expand_item),
    min_size=1,
    max_size=2,
    unique_by=_path_of,
).map(tuple)


@st.composite
def _options(draw: st.DrawFn, fields: dict[str, SearchStrategy[object]]) -> QueryOptions:
    """Some of the fields, at least one, so that there is something in the parentheses."""
    chosen = draw(st.sets(st.sampled_from(sorted(fields)), min_size=1, max_size=5))
    values = {name: draw(fields[name]) for name in sorted(chosen)}
    return QueryOptions(**values)  # type: ignore[arg-type]  # the strategies have the right types


_COUNT: dict[str, SearchStrategy[object]] = {"filter": expressions, "search": searches}
_REF = _COUNT | {"orderby": orders, "skip": counts, "top": counts, "count": st.booleans()}
_NESTED = _REF | {
    "compute": computes,
    "select": selects,
    "expand": expands,
    "aliases": st.dictionaries(identifiers, expressions, min_size=1, max_size=2).map(
        lambda pairs: tuple(pairs.items())
    ),
}
_TEXT = texts.filter(lambda text: bool(text.strip(" \t")))
_ALL = _NESTED | {
    "apply": sequences,
    "format": _TEXT,
    "schemaversion": _TEXT,
    "skiptoken": _TEXT,
    "deltatoken": _TEXT,
    "id": _TEXT,
    "index": counts,
    "custom": st.lists(st.tuples(st.sampled_from(["x", "sap-client", ""]), texts), min_size=1).map(
        tuple
    ),
}
_EXPAND = _NESTED | {"apply": sequences, "levels": st.integers(-1, 99)}
option_sets = _options(_ALL)

segments: SearchStrategy[Segment] = st.one_of(
    st.builds(Segment, identifiers | qualified),
    st.builds(Segment, identifiers, keys | st.just(KeyPredicate(()))),
    st.builds(lambda e: Segment("$filter", argument=e), expressions | key_values),
)
resource_paths = st.builds(
    lambda first, rest, last: ResourcePath((first, *rest, *last)),
    st.builds(Segment, identifiers, st.none() | keys),
    st.lists(segments, max_size=3),
    st.sampled_from([(), (Segment("$count"),), (Segment("$value"), Segment("$query"))]),
)
