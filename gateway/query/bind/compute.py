"""$compute: names for expressions (Protocol 11.2.5.3, URL Conventions 5.1.10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gateway.contract.naming import is_word
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import InvalidValue, NotSupported
from gateway.query.bind.expressions import bind_expression
from gateway.query.bind.scope import Scope, quoted
from gateway.query.bind.text_widths import width_of
from gateway.query.tree.expressions import BoundExpr, ComputedProperty, Constant
from grammar import ComputeItem


def bind_compute(
    items: tuple[ComputeItem, ...], scope: Scope, taken: tuple[str, ...]
) -> tuple[ComputedProperty, ...]:
    """Bind each item, which may use those before it; no alias may be one of `taken`.

    Raises:
        InvalidValue: a name that a property or another item has, or a value that cannot be sent.
        NotSupported: a name that differs from another one in case only.
    """
    found: list[ComputedProperty] = []
    for position, item in enumerate(items):
        names = (*taken, *(other.alias for other in items[:position]))
        check_alias(item.alias, names, scope)
        expr = bind_expression(item.expression, replace(scope, computed=items[:position]))
        found.append(_computed(item, expr, scope))
    return tuple(found)


def check_alias(alias: str, names: Iterable[str], scope: Scope) -> None:
    """Refuse a new name that is taken; column names of snapshots ignore case.

    Raises:
        InvalidValue: the name itself is taken, or a word of the language.
        NotSupported: one that differs in case only.
    """
    if is_word(alias):
        raise InvalidValue(
            f"{scope.option}: {alias} is a reserved word of OData and cannot be a name; choose"
            " another one after `as`",
            target=scope.option,
        )
    for name in names:
        if name == alias:
            raise InvalidValue(
                f"{scope.option}: the name {alias} is already taken; choose another one after `as`",
                target=scope.option,
            )
        if name.lower() == alias.lower():
            raise NotSupported(
                f"{scope.option}: {alias} and {name} differ only in case, which this service does"
                " not support; choose another name after `as`",
                target=scope.option,
            )


def _computed(item: ComputeItem, expr: BoundExpr, scope: Scope) -> ComputedProperty:
    if isinstance(expr, Constant) and expr.picoseconds:
        raise scope.invalid(f"{quoted(item.expression)}: at most six fractional digits can be sent")
    if expr.type is None:  # always null
        expr = Constant(None, PrimitiveType.STRING)
    type_ = expr.type or PrimitiveType.STRING
    return ComputedProperty(Property(item.alias, type_, dynamic=True, width=width_of(expr)), expr)
