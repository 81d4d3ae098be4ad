"""Derived sets with bound conditions, from which the engine makes their rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.contract.derived import ColumnKind, DerivedColumn, DerivedSet
from gateway.contract.model import Column, Contract
from gateway.edm.model import EntityType, Property
from gateway.errors import ConfigurationProblem, GatewayError, UnknownName
from gateway.query.bind.expressions import bind_predicate
from gateway.query.bind.scope import Moment, Scope
from gateway.query.tree.expressions import BoundExpr
from gateway.query.unlisted import find_unlisted
from grammar import ODataSyntaxError, parse_filter

_ANY_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
"""A value of now() for checks that do not depend on it."""


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A column, the column of the results that it is made from, and which results count."""

    prop: Property
    kind: ColumnKind
    of: str
    where: BoundExpr | None
    text: str
    years: range = range(0)


@dataclass(frozen=True, slots=True)
class Derivation:
    """The rules that make the rows of a set from the results of one extract."""

    columns: tuple[BoundColumn, ...]
    unnest: tuple[str, ...]
    key: tuple[str, ...]

    def of_kind(self, *kinds: ColumnKind) -> tuple[BoundColumn, ...]:
        """Return the columns of these kinds, in their order."""
        return tuple(column for column in self.columns if column.kind in kinds)


def bind_derivation(derived: DerivedSet, contract: Contract, moment: datetime) -> Derivation:
    """Bind the set for results that were loaded at `moment`, the value of now().

    Raises:
        ConfigurationProblem: a condition of the contract file cannot be understood.
    """
    rows = _row_type(derived, contract.columns)
    columns = tuple(_bind(column, rows, moment) for column in derived.columns)
    return Derivation(columns, derived.unnest, derived.entity_set.entity_type.key)


def check_derivations(contract: Contract) -> None:
    """Bind all sets once, so that a fault is found when the gateway starts.

    Raises:
        ConfigurationProblem: see `bind_derivation`.
    """
    for derived in contract.derived:
        bind_derivation(derived, contract, _ANY_MOMENT)


def condition_holds_in(where: str, derived: DerivedSet, columns: tuple[Column, ...]) -> bool:
    """Return True if a condition of the set uses only these columns of the results."""
    rows = _row_type(derived, columns)
    try:
        bind_predicate(parse_filter(where), Scope(rows, moment=Moment(_ANY_MOMENT)))
    except UnknownName:
        return False
    return True


def _row_type(derived: DerivedSet, columns: tuple[Column, ...]) -> EntityType:
    """Return the type of a result as conditions see it; unnested columns hold single values."""
    properties = tuple(
        replace(c.prop, collection=c.prop.collection and c.name not in derived.unnest)
        for c in columns
    )
    return EntityType("a result", (), properties)


def _bind(column: DerivedColumn, rows: EntityType, moment: datetime) -> BoundColumn:
    where: BoundExpr | None = None
    if column.where:
        try:
            tree = parse_filter(column.where)
            where = bind_predicate(tree, Scope(rows, moment=Moment(moment)))
        except ODataSyntaxError as error:
            raise ConfigurationProblem(f"{column.place}: {error}") from error
        except GatewayError as error:
            raise ConfigurationProblem(f"{column.place}: {error.message}") from error
        unlisted = find_unlisted(tree, rows.properties)
        if unlisted is not None:
            raise ConfigurationProblem(f"{column.place}: {unlisted}")
    return BoundColumn(column.prop, column.kind, column.of, where, column.text, column.years)
