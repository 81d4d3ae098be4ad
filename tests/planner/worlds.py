"""Random worlds for property tests: a contract, rows that keep it, and questions in OData text.

Values come from small pools, so that rows tie, filters hit, and the traps are met often: quotes,
umlauts, emoji, empty text beside null, the code points above the surrogates, instants between two
milliseconds and at both ends of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Column, Contract, RangeFilter
from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType
from grammar.literals import from_datetime

FlatRow = dict[str, Any]

TEXTS = ("", "a", "A", "ab", "b", "O'Neil", "Größe", "ß", "100 %_", "\uffff", "😀", "a\u2028\t\\")
STATES = ("NOT_STARTED", "IN_PROGRESS", "APPROVED")
GROUPS = ("", "a", "g'1", "ü", "😀")
NUMBERS = (0.0, -0.0, 0.1, 50.5, 100.0, 1e300, -2.5)
INTEGERS = (0, 1, -1, 7, 2**53 + 1, 2**63 - 1, -(2**63))
_DAY = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
INSTANTS = (
    _DAY,
    _DAY + timedelta(milliseconds=1),
    _DAY + timedelta(milliseconds=999),
    _DAY + timedelta(microseconds=500),
    _DAY + timedelta(seconds=1),
    _DAY + timedelta(days=1),
    datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
NUMBER_LITERALS = (
    *("0", "-1", "7", "7.5", "0.1", "1e-1", "50.5", "5.05e1", "100", "1e300", "INF", "-INF", "NaN"),
    *("9007199254740993", "9007199254740992e0", "9223372036854775807", "9223372036854775808"),
    *("0.1000000000000000000000000000000000000001", "-99999999999999999999999999999999999999999"),
)
INSTANT_LITERALS = (
    *(from_datetime(value) for value in INSTANTS),
    "2024-02-29T13:00+01:00",
    "2024-02-29T11:59:59.9995Z",
    "2024-02-29T12:00:00.000001Z",
    "0001-01-01T00:00:00.0005Z",
)

_BASE = load_contract(
    built_in_contract(), (("department", "cf_department"), ("region", "cf_region"))
)
_COLUMNS = (
    "id",
    "userName",
    "contentId",
    "progress",
    "state",
    "updatedAt",
    "expiryDate",
    "groupIds",
)
_EXTRA = (
    Column(Property("score", PrimitiveType.INT64), ("score",)),
    Column(Property("flag", PrimitiveType.BOOLEAN), ("flag",)),
    Column(Property("other", PrimitiveType.STRING), ("other",)),
)


@dataclass(frozen=True, slots=True)
class World:
    """A contract and rows that fit it."""

    contract: Contract
    rows: tuple[FlatRow, ...]


def with_columns(contract: Contract, columns: tuple[Column, ...]) -> Contract:
    """The contract with other columns, in the file and in the model."""
    old = contract.schema.entity_sets[0]
    entity_type = EntityType(
        old.entity_type.name, old.entity_type.key, tuple(c.prop for c in columns)
    )
    entity_sets = (EntitySet(old.name, entity_type),)
    schema = Schema(contract.schema.namespace, contract.schema.container, entity_sets)
    return replace(contract, columns=columns, schema=schema, derived=())


def worlds(rows: int = 40) -> st.SearchStrategy[World]:
    """Contracts with rows; drawn by one number each, because the questions are what must shrink."""
    return st.integers(0, 100_000).map(lambda seed: _world(Random(seed), rows))


def _world(random: Random, rows: int) -> World:
    kept = [c for c in _BASE.columns if c.name in _COLUMNS or c.field_id is not None]
    columns = tuple(_bent(column, random) for column in (*kept, *_EXTRA))
    keys = [f"{random.choice(TEXTS)}{n}" for n in range(rows)]
    return World(
        with_columns(_BASE, columns),
        tuple({"id": key, **{c.name: _value(c.prop, random) for c in columns[1:]}} for key in keys),
    )


def _bent(column: Column, random: Random) -> Column:
    """The column with other abilities: what can be filtered, how exactly, what is null."""
    prop = column.prop
    if column.name == "id":
        return column
    if not prop.collection:
        prop = replace(prop, nullable=random.random() < 0.5)
    if prop.known_values:
        prop = replace(prop, known_values=STATES, allowed_values=random.choice([STATES, ()]))
    filter_ = column.filter
    if column.name != "updatedAt" and random.random() < 0.1:
        filter_ = None
    if isinstance(filter_, RangeFilter):
        filter_ = replace(
            filter_,
            from_inclusive=random.random() < 0.75,
            to_inclusive=random.random() < 0.75,
            resolution_milliseconds=random.choice([1, 1, 10, 1000]),
            exact=random.random() < 0.8,
        )
    elif filter_ is not None:
        filter_ = replace(
            filter_, exact=random.random() < 0.8, max_values=random.choice([1, 2, 500, 500])
        )
    return replace(column, prop=prop, filter=filter_)


def _value(prop: Property, random: Random) -> Any:
    """A value that the column may have."""
    if prop.collection:
        return random.choices(GROUPS, k=random.choice([0, 1, 1, 2]))
    return None if prop.nullable and random.random() < 0.25 else random.choice(_pool(prop))


def _pool(prop: Property) -> tuple[Any, ...]:
    if prop.allowed_values or prop.name == "state":
        return prop.allowed_values or STATES
    pools: Mapping[PrimitiveType, tuple[Any, ...]] = {
        PrimitiveType.STRING: TEXTS,
        PrimitiveType.DOUBLE: NUMBERS,
        PrimitiveType.INT64: INTEGERS,
        PrimitiveType.BOOLEAN: (True, False),
        PrimitiveType.DATE_TIME_OFFSET: INSTANTS,
    }
    return pools[prop.type]


# --- questions ------------------------------------------------------------------------------------

_OPERATORS = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def _literals(prop: Property) -> st.SearchStrategy[str]:
    return st.sampled_from(_literal_pool(prop))


def _literal_pool(prop: Property) -> tuple[str, ...]:
    texts = (*STATES, "FAILED", "a") if prop.name == "state" else (*TEXTS, "no such")
    texts = GROUPS if prop.collection else texts
    pools: Mapping[PrimitiveType, tuple[str, ...]] = {
        PrimitiveType.STRING: tuple(map(quoted, texts)),
        PrimitiveType.DOUBLE: NUMBER_LITERALS,
        PrimitiveType.INT64: NUMBER_LITERALS,
        PrimitiveType.BOOLEAN: ("true", "false"),
        PrimitiveType.DATE_TIME_OFFSET: INSTANT_LITERALS,
    }
    return (*pools[prop.type], "null")


def filters(contract: Contract) -> st.SearchStrategy[str]:
    """Well-typed $filter texts over all columns."""
    every = st.one_of(
        _about([c.prop for c in contract.columns]),
        _between_columns([c.prop for c in contract.columns if not c.prop.collection]),
        st.sampled_from(["true", "false", "null", "null eq null", "1 lt 1.5", "NaN ne NaN"]),
    )
    return st.recursive(every, _compound, max_leaves=6)


def pushable_filter(contract: Contract, random: Random) -> str:
    """A $filter about columns that the upstream filters, most often two or three times about one.

    That is where sets meet. Even chances find more there than a search for the smallest case.
    """
    props = [c.prop for c in contract.columns if c.filter is not None]
    chosen = random.choice(props)
    terms = [_term(chosen, random) for _ in range(random.choice([1, 2, 2, 3]))]
    if random.random() < 0.3:
        terms.append(_term(random.choice(props), random))
    text = terms[0]
    for term in terms[1:]:
        text = f"({text}) {random.choice(['and', 'or'])} ({term})"
    return f"not ({text})" if random.random() < 0.2 else text


def _term(prop: Property, random: Random) -> str:
    name = "x" if prop.collection else prop.name
    items = [random.choice(_literal_pool(prop)) for _ in range(random.choice([1, 2, 2, 3]))]
    text = f"{name} in ({','.join(items)})"
    if random.random() < 0.7:
        operator = random.choice(["eq", "ne", "lt", "le", "gt", "ge"])
        text = f"{name} {operator} {items[0]}"
    text = f"not ({text})" if random.random() < 0.15 else text
    return f"{prop.name}/any(x:{text})" if prop.collection else text


def _about(props: list[Property]) -> st.SearchStrategy[str]:
    return st.sampled_from(props).flatmap(lambda p: _lambdas(p) if p.collection else _atoms(p))


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.tuples(inner, st.sampled_from(["and", "and", "or"]), inner)
    compared = st.tuples(inner, st.sampled_from(["eq true", "eq false", "ne null", "eq null"]))
    return st.one_of(
        joined.map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        joined.map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        inner.map(lambda text: f"not ({text})"),
        compared.map(lambda t: f"({t[0]}) {t[1]}"),
    )


def _atoms(prop: Property) -> st.SearchStrategy[str]:
    literal = _literals(prop)
    listed = st.lists(literal, min_size=2, max_size=3).map(",".join) | st.just("")
    options = [
        st.tuples(_OPERATORS, literal).map(lambda t: f"{prop.name} {t[0]} {t[1]}"),
        st.tuples(literal, _OPERATORS).map(lambda t: f"{t[0]} {t[1]} {prop.name}"),
        listed.map(lambda items: f"{prop.name} in ({items})"),
        listed.map(lambda items: f"not ({prop.name} in ({items}))"),
    ]
    if prop.type is PrimitiveType.STRING:
        function = st.sampled_from(["contains", "startswith", "endswith"])
        call = st.tuples(function, literal)
        options += [
            call.map(lambda t: f"{t[0]}({prop.name},{t[1]})"),
            call.map(lambda t: f"{t[0]}({t[1]},{prop.name})"),
        ]
    if prop.type is PrimitiveType.BOOLEAN:
        options.append(st.sampled_from([prop.name, f"not {prop.name}", f"$it/{prop.name}"]))
    return st.one_of(options)


def _between_columns(props: list[Property]) -> st.SearchStrategy[str]:
    numeric = (PrimitiveType.INT64, PrimitiveType.DOUBLE)
    pairs = [
        (a.name, b.name)
        for a in props
        for b in props
        if a.type is b.type or (a.type in numeric and b.type in numeric)
    ]
    return st.tuples(st.sampled_from(pairs), _OPERATORS).map(
        lambda t: f"{t[0][0]} {t[1]} {t[0][1]}"
    )


def _lambdas(prop: Property) -> st.SearchStrategy[str]:
    literal = _literals(prop)
    listed = st.lists(literal, max_size=3).map(",".join)
    element = st.one_of(
        st.tuples(_OPERATORS, literal).map(lambda t: f"x {t[0]} {t[1]}"),
        listed.map(lambda items: f"x in ({items})"),
        literal.map(lambda text: f"contains(x,{text})"),
        st.sampled_from(["x eq other", "state eq 'APPROVED'", "flag", "true", "contains(other,x)"]),
    )
    predicate = st.recursive(element, _compound, max_leaves=2)
    quantified = st.tuples(st.sampled_from(["any", "any", "all"]), predicate).map(
        lambda t: f"{prop.name}/{t[0]}(x:{t[1]})"
    )
    any_of = listed.map(lambda items: f"{prop.name}/any(x:x in ({items}))")
    return st.one_of(quantified, any_of, st.just(f"{prop.name}/any()"))


def orders(contract: Contract) -> st.SearchStrategy[str]:
    """$orderby texts; empty for none."""
    names = [c.name for c in contract.columns if not c.prop.collection]
    direction = st.sampled_from(["", " asc", " desc"])
    item = st.tuples(st.sampled_from([*names, "updatedAt", "progress"]), direction).map("".join)
    return st.lists(item, max_size=3).map(",".join)
