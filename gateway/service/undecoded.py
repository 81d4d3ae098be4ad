"""Refusal of queries that read a column in which some values could not be decoded.

`decode` of the contract file may not cover every value that the Analytics API sends. Such a row
stays, with a null in the column, but that null is no fact: a condition, an order, a count or a
figure that depends on it would be silently wrong, so it is refused until the contract covers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gateway.analytics.read.strange_values import Keys, Reason, is_undecoded
from gateway.contract.decoding import Text
from gateway.contract.derived import ColumnKind, DerivedSet
from gateway.contract.model import Contract
from gateway.edm.model import EntitySet, Property
from gateway.errors import UpstreamBrokeContract
from gateway.observe.oddities import MAX_COUNTED_ROWS, OddRows
from gateway.query.tree.queries import BoundQuery, Shape
from gateway.service.personal import Use, uses

_ALWAYS = (ColumnKind.GROUP, ColumnKind.EACH)
"""Kinds of columns that decide which rows a derived set has."""
_COPIED = (ColumnKind.SAME, ColumnKind.FIRST)
"""Kinds of columns that show one value as it is."""
_MANY_ROWS, _MOST_IN = 20, 100
"""So many rows, and one in so many, are no slip any more."""
_REMEDY = (
    "correct `decode` of the column {0} in the contract file (`skillhabit-odata check` shows the"
    " column)"
)
_WORD = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*")


def undecoded(odd: Iterable[OddRows]) -> dict[str, int]:
    """Return the number of rows with an undecoded value, by column."""
    return {each.column: each.rows for each in odd if is_undecoded(each)}


def undecoded_in_page(odd: Keys) -> dict[str, int]:
    """Return the same of one page."""
    return {each.column: len(k) for each, k in odd.items() if each.reason is Reason.UNDECODED}


def refuse_undecoded(
    found: Mapping[str, int],
    query: BoundQuery,
    contract: Contract,
    others: frozenset[str] = frozenset(),
    *,
    of: int,
) -> None:
    """Refuse a query that reads one of these columns; `others` are read besides.

    A query that only shows a column is refused if it has many such values among the `of` rows: then
    its steps are wrong, and a column of nulls would be, too.

    Raises:
        UpstreamBrokeContract: names the column, the number of rows and the remedy.
    """
    if not found:
        return
    for name in sorted((columns_read(query, contract) | others) & found.keys()):
        raise UpstreamBrokeContract(
            f"{_told(name, found[name])}, and the response depends on {name};"
            f" {_REMEDY.format(name)}, or leave the column out of the query's conditions, orders"
            " and computed values"
        )
    many = {name for name, rows in found.items() if is_systematic(rows, of)}
    for name in sorted(columns_shown(query, contract) & many):
        raise UpstreamBrokeContract(
            f"{_told(name, found[name])}; {_REMEDY.format(name)}, or leave it out of the response"
            " with $select"
        )


def is_systematic(undecoded: int, rows: int) -> bool:
    """Return True if too many values cannot be decoded to be a slip of some rows."""
    return undecoded >= min(_MANY_ROWS, rows) and undecoded * _MOST_IN >= rows > 1


def _told(name: str, rows: int) -> str:
    least = "at least " if rows >= MAX_COUNTED_ROWS else ""
    return (
        f"{least}{rows} row{'s' * (rows != 1)} of the Analytics API"
        f" {'have' if rows != 1 else 'has'} a value in {name} that `decode` cannot read"
    )


def columns_read(query: BoundQuery, contract: Contract) -> frozenset[str]:
    """Return the columns of the results that a response depends on, beyond showing them."""
    found: set[str] = set()
    for name in _touched(query):
        derived = contract.derived_set(name)
        if derived is not None:
            found |= _making(derived)
    for use in uses(query, shown=query.shape is not Shape.COUNT):
        entity_set = _set_of(use, contract)
        found |= _behind(use.prop, contract.derived_set(entity_set.name), shown=use.is_shown)
    return frozenset(found & {column.name for column in contract.columns})


def columns_shown(query: BoundQuery, contract: Contract) -> frozenset[str]:
    """Return the columns of the results that a response shows, in whichever table."""
    if query.shape is Shape.COUNT:
        return frozenset()
    found: set[str] = set()
    for use in uses(query, shown=True):
        derived = contract.derived_set(_set_of(use, contract).name)
        column = None if derived is None else derived.find(use.prop.name)
        found.add(use.prop.name if derived is None else "" if column is None else column.of)
    return frozenset(found & {column.name for column in contract.columns})


def can_fail(contract: Contract) -> frozenset[str]:
    """Return the columns with a step that cannot read every value: anything becomes a text."""
    return frozenset(
        c.name
        for c in contract.columns
        if c.source is not None and any(not isinstance(step, Text) for step in c.source.steps)
    )


def can_be_undecoded(contract: Contract) -> frozenset[str]:
    """Return the columns that are made by steps, so that a value may turn out undecodable."""
    return frozenset(c.name for c in contract.columns if c.source is not None)


def _touched(query: BoundQuery) -> Iterator[str]:
    yield query.entity_set.name
    yield from query.referenced_sets
    if query.source is not None:
        yield from _touched(query.source)


def _making(derived: DerivedSet) -> set[str]:
    """Return the columns that decide which rows a set has."""
    return {*derived.unnest, *(c.of for c in derived.columns if c.kind in _ALWAYS)}


def _behind(prop: Property, derived: DerivedSet | None, *, shown: bool) -> set[str]:
    """Return the columns of the results behind a property that is used, or only shown."""
    if derived is None:
        return set() if shown else {prop.name}
    column = derived.find(prop.name)
    if column is None or (shown and column.kind in _COPIED and not column.where):
        return set()
    return {column.of, *_WORD.findall(column.where)}


def _set_of(use: Use, contract: Contract) -> EntitySet:
    """Return the entity set at the end of a path of navigation properties."""
    found = use.root
    for name in use.path.split("/")[:-1]:
        link = next(n for n in found.entity_type.navigation if n.name == name)
        target = contract.schema.find_set(link.target)
        assert target is not None  # noqa: S101 - the contract's rules
        found = target
    return found
