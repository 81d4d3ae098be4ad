"""Derived sets with their conditions bound: what the engine needs to make their rows."""

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


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A column, the column of the results that it is made of, and which results count."""

    prop: Property
    kind: ColumnKind
    of: str
    where: BoundExpr | None
    text: str
    years: range = range(0)


@dataclass(frozen=True, slots=True)
class Derivation:
    """How the rows of a set are made of the results of one extract."""

    columns: tuple[BoundColumn, ...]
    unnest: tuple[str, ...]
    key: tuple[str, ...]

    def of_kind(self, *kinds: ColumnKind) -> tuple[BoundColumn, ...]:
        """The columns of these kinds, in their order."""
        return tuple(column for column in self.columns if column.kind in kinds)


def bind_derivation(derived: DerivedSet, contract: Contract, moment: datetime) -> Derivation:
    """The set for results that were read at `moment`, which is what now() means.

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
        bind_derivation(derived, contract, datetime(2000, 1, 1, tzinfo=UTC))


def condition_holds_in(where: str, derived: DerivedSet, columns: tuple[Column, ...]) -> bool:
    """Whether a condition of the set looks at nothing but these columns of the results."""
    rows = _row_type(derived, columns)
    try:
        bind_predicate(parse_filter(where), Scope(rows, moment=Moment(datetime.now(UTC))))
    except UnknownName:
        return False
    return True


def _row_type(derived: DerivedSet, columns: tuple[Column, ...]) -> EntityType:
    """What a condition sees: all columns of a result, those that were taken apart singly."""
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
