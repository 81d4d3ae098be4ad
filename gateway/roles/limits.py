"""The contract as a role sees it: without hidden columns and without sets that need them.

Everything derived from a hidden column is removed: columns of other sets, counts whose condition
reads it, navigation properties whose keys include it, and sets that cannot be built without it. A
masked column stays, but anything that would reveal its true values is removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.config import Role
from gateway.contract.derived import ColumnKind, DerivedColumn, DerivedSet
from gateway.contract.model import Column, Contract
from gateway.edm.model import EntitySet, EntityType, Schema
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem, GatewayError
from gateway.query.bind.derivation import condition_holds_in
from gateway.query.bind.expressions import bind_predicate
from gateway.query.bind.scope import Moment, Scope
from gateway.query.bind.suggest import nearest
from gateway.query.tree.expressions import BoundExpr
from gateway.query.unlisted import find_unlisted
from grammar import ODataSyntaxError, parse_filter

_WORD = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z0-9_]*")
_ALLOWED_OF_MASKED = frozenset(
    {
        ColumnKind.GROUP,
        ColumnKind.FIRST,
        ColumnKind.EACH,
        ColumnKind.DISTINCT,
        ColumnKind.SAME,
        ColumnKind.GUID,
        ColumnKind.DAY,
    }
)
"""Kinds of columns that may derive from a digest: digests keep equality but not order."""


@dataclass(frozen=True, slots=True)
class RoleLimits:
    """The results that a role sees: columns, masked columns and rows.

    `columns` are in the order of the contract. `rule` is bound for each snapshot, because its now()
    is the instant of the extract; None allows all rows. `rule_columns` are the columns in it.
    """

    columns: tuple[str, ...]
    masked: frozenset[str]
    rule: Callable[[datetime], BoundExpr] | None
    rule_columns: frozenset[str] = frozenset()


def limits_of(role: Role, contract: Contract) -> RoleLimits:
    """Return the limits in a role's table, checked against the whole contract.

    Raises:
        ConfigurationProblem: a name is unknown, or its column cannot be hidden or masked.
    """
    names, place = [column.name for column in contract.columns], role.place
    for key, given in (("hide", role.hide), ("mask", role.mask)):
        _check_known(given, names, f"{place} {key}", "column of the results")
    if contract.key in role.hide:
        raise ConfigurationProblem(
            f"{place}: {contract.key!r} is the key of the results and cannot be hidden; mask it"
            " instead"
        )
    if contract.order_column in (*role.hide, *role.mask):
        raise ConfigurationProblem(
            f"{place}: {contract.order_column!r} is the order of the results and cannot be hidden"
            " or masked; remove it from `hide` and `mask`"
        )
    for name in role.mask:
        _check_mask(contract.column(name), name in role.hide, place)
    hide, mask = _with_aliases(role.hide, contract), _with_aliases(role.mask, contract)
    shown = tuple(name for name in names if name not in hide)
    rule = None if role.rows is None else _rule(role.rows, contract, place)
    words = frozenset(_WORD.findall(role.rows or ""))
    return RoleLimits(shown, mask - hide, rule, words.intersection(names))


def _with_aliases(names: Iterable[str], contract: Contract) -> frozenset[str]:
    """Return the names with those of their aliases, which show the same values."""
    given = frozenset(names)
    props = (column.prop for column in contract.columns)
    return given.union(p.name for p in props if p.alias is not None and p.alias.of in given)


def _check_known(given: Iterable[str], names: Iterable[str], place: str, kind: str) -> None:
    known = tuple(names)
    for name in given:
        if name not in known:
            raise ConfigurationProblem(
                f"{place}: there is no {kind} {name!r}{nearest(name, known)}; there are"
                f" {', '.join(known)}"
            )


def _check_mask(column: Column, hidden: bool, place: str) -> None:
    prop = column.prop
    if hidden:
        raise ConfigurationProblem(f"{place}: {prop.name!r} is both masked and hidden; choose one")
    if prop.type is not PrimitiveType.STRING or prop.collection or prop.known_values:
        raise ConfigurationProblem(
            f"{place} mask: {prop.name!r} is not free text, so a digest is meaningless or easy to"
            " guess; hide it instead"
        )


def _rule(text: str, contract: Contract, place: str) -> Callable[[datetime], BoundExpr]:
    properties = tuple(column.prop for column in contract.columns)
    rows = EntityType("a result", (contract.key,), properties)

    def bind(moment: datetime) -> BoundExpr:
        try:
            tree = parse_filter(text)
            unlisted = find_unlisted(tree, properties)
            if unlisted is not None:
                raise ConfigurationProblem(f"{place} rows: {unlisted}")
            return bind_predicate(tree, Scope(rows, moment=Moment(moment)))
        except ODataSyntaxError as error:
            raise ConfigurationProblem(f"{place} rows: {error}") from error
        except GatewayError as error:
            raise ConfigurationProblem(f"{place} rows: {error.message}") from error

    bind(datetime.now(UTC))
    return bind


def limit_contract(contract: Contract, role: Role) -> Contract:
    """Return the contract without hidden columns and without filters, order and totals upstream.

    Raises:
        ConfigurationProblem: as `limits_of`; or `sets` names an unknown set, or one that needs
            hidden columns.
    """
    limits, schema, sets = limits_of(role, contract), contract.schema, role.sets
    _check_known(
        sets or (), (s.name for s in schema.entity_sets), f"{role.place} sets", "entity set"
    )
    columns = tuple(
        replace(column, filter=None, order=None)
        for column in contract.columns
        if column.name in limits.columns
    )
    results = _without(schema.entity_sets[0], {c.name for c in columns if c.published})
    results = _masked(results, limits.masked)
    found = (_limit_set(derived, contract, limits) for derived in contract.derived)
    derived = tuple(item for item in found if item is not None)
    there = (results, *(item.entity_set for item in derived))
    chosen = tuple(s for s in there if sets is None or s.name in sets)
    missing = sorted(set(sets or ()) - {s.name for s in chosen})
    if missing:
        raise ConfigurationProblem(
            f"{role.place} sets: {missing[0]} needs a column that `hide` lists; leave the set"
            " out, or do not hide the column"
        )
    limited = replace(schema, entity_sets=_with_navigation_between(chosen))
    return replace(
        contract,
        columns=columns,
        schema=limited,
        derived=_with_sets(derived, limited),
        statistics=(),
        has_total=False,
    )


def prune_sets(contract: Contract, sets: tuple[str, ...], place: str) -> Contract:
    """Return the contract with these entity sets alone, and the navigation between them.

    Their rows are complete, so windows, totals and statistics remain usable. `place` is the source
    of the list, for messages.

    Raises:
        ConfigurationProblem: `sets` names an unknown set.
    """
    schema = contract.schema
    _check_known(sets, (s.name for s in schema.entity_sets), place, "entity set")
    chosen = tuple(s for s in schema.entity_sets if s.name in sets)
    pruned = replace(schema, entity_sets=_with_navigation_between(chosen))
    return replace(contract, schema=pruned, derived=_with_sets(contract.derived, pruned))


def _without(entity_set: EntitySet, names: set[str]) -> EntitySet:
    """Return the set with only the properties of these names."""
    entity_type = entity_set.entity_type
    properties = tuple(p for p in entity_type.properties if p.name in names)
    return replace(entity_set, entity_type=replace(entity_type, properties=properties))


def _masked(entity_set: EntitySet, names: Iterable[str]) -> EntitySet:
    """Return the set with these properties as digests, which are not personal values."""
    hidden, entity_type = frozenset(names), entity_set.entity_type
    properties = tuple(
        replace(p, personal=False) if p.name in hidden else p for p in entity_type.properties
    )
    return replace(entity_set, entity_type=replace(entity_type, properties=properties))


def _limit_set(derived: DerivedSet, contract: Contract, limits: RoleLimits) -> DerivedSet | None:
    """Return the set without hidden columns; None if its key or a group column is hidden."""
    open_ = tuple(c for c in contract.columns if c.name in set(limits.columns) - limits.masked)
    unnest = tuple(name for name in derived.unnest if name in limits.columns)
    narrowed = replace(derived, unnest=unnest)
    columns = tuple(c for c in derived.columns if _is_left(c, limits, narrowed, open_))
    names = {column.prop.name for column in columns}
    groups = {c.prop.name for c in derived.columns if c.kind in (ColumnKind.GROUP, ColumnKind.EACH)}
    days = {c.prop.name for c in derived.columns if c.kind is ColumnKind.DAY}
    if not (groups | set(derived.entity_set.entity_type.key)) <= names:
        return None
    if not days <= names:  # a DIGEST needs its DAY
        columns = tuple(c for c in columns if c.kind is not ColumnKind.DIGEST)
    entity_set = _without(derived.entity_set, {column.prop.name for column in columns})
    masked = {column.prop.name for column in columns if column.of in limits.masked}
    entity_set = _masked(entity_set, masked)
    return replace(narrowed, entity_set=entity_set, columns=columns)


def _is_left(
    column: DerivedColumn, limits: RoleLimits, derived: DerivedSet, open_: tuple[Column, ...]
) -> bool:
    if column.kind is ColumnKind.DIGEST or (not column.of and not column.where):
        return True
    if column.of and column.of not in limits.columns:
        return False
    if column.of in limits.masked and column.kind not in _ALLOWED_OF_MASKED:
        return False
    return not column.where or condition_holds_in(column.where, derived, open_)


def _with_navigation_between(sets: tuple[EntitySet, ...]) -> tuple[EntitySet, ...]:
    """Return the sets with the navigation properties whose ends are both among them."""
    known = {s.name: set(s.entity_type.names) for s in sets}

    def limit_navigation(entity_type: EntityType) -> EntityType:
        navigation = tuple(
            prop
            for prop in entity_type.navigation
            if prop.target in known
            and all(
                own in entity_type.names and other in known[prop.target] for own, other in prop.on
            )
        )
        return replace(entity_type, navigation=navigation)

    return tuple(replace(s, entity_type=limit_navigation(s.entity_type)) for s in sets)


def _with_sets(derived: tuple[DerivedSet, ...], schema: Schema) -> tuple[DerivedSet, ...]:
    """Return the derived sets that the schema has, with its entity sets."""
    named = {s.name: s for s in schema.entity_sets}
    return tuple(
        replace(item, entity_set=named[item.entity_set.name])
        for item in derived
        if item.entity_set.name in named
    )
