"""Calls of canonical functions: argument counts, types, and checks of constants."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from gateway.edm.types import PrimitiveType
from gateway.query.bind.functions import FUNCTIONS, OFFSET_SENSITIVE, Signature
from gateway.query.bind.patterns import PatternError, to_re2
from gateway.query.bind.scope import Scope, quoted
from gateway.query.tree.expressions import BoundExpr, Constant, FunctionCall
from grammar import Alias, Call, Expr, Literal, LiteralKind
from grammar.literals import from_datetime

_ENDS_OF_TIME = {"mindatetime": datetime.min, "maxdatetime": datetime.max}  # noqa: DTZ901 - made aware below
_PARTS: dict[str, Callable[[Any], Any]] = {
    **{name: attrgetter(name) for name in ("year", "month", "day", "hour", "minute", "second")},
    "date": lambda instant: instant.date(),
}
"""Functions of constants computed here, so that the planner sees `year(now())` as a value."""


def build_call(expr: Call, arguments: tuple[BoundExpr, ...], scope: Scope) -> BoundExpr:
    """Build the call of `expr` with its arguments bound; null if one of them is null.

    Raises:
        NotSupported: a function that is not evaluated here.
        TypeMismatch: arguments of the wrong type or number.
        InvalidValue: a constant that the function refuses.
        LimitExceeded: texts that may become too long.
    """
    signature = FUNCTIONS.get(expr.name)
    if signature is None:
        raise scope.unsupported(expr)
    _check_types(expr, arguments, signature, scope)
    _check_constants(expr, arguments, scope)
    if expr.name in _ENDS_OF_TIME:
        moment = _ENDS_OF_TIME[expr.name].replace(tzinfo=UTC)
        return Constant(moment, PrimitiveType.DATE_TIME_OFFSET)
    if expr.name == "now":
        return _now(expr, scope)
    if any(isinstance(a, Constant) and a.value is None for a in arguments):
        return Constant(None, signature.result or _same_type(arguments[0]))
    if expr.name in _PARTS and isinstance(arguments[0], Constant):
        return Constant(_PARTS[expr.name](arguments[0].value), signature.result)
    call = FunctionCall(expr.name, arguments, signature.result or _same_type(arguments[0]))
    if call.type is PrimitiveType.STRING:
        scope.make_text(call)
    return call


def _now(expr: Call, scope: Scope) -> Constant:
    if scope.moment is None:
        raise scope.unsupported(expr)
    return Constant(scope.moment.read(), PrimitiveType.DATE_TIME_OFFSET)


def _check_types(
    expr: Call, arguments: tuple[BoundExpr, ...], signature: Signature, scope: Scope
) -> None:
    if len(arguments) not in signature.counts:
        raise scope.mismatch(f"{expr.name} takes {len(signature.parameters)} arguments")
    for position, (argument, bound) in enumerate(zip(expr.arguments, arguments, strict=True)):
        if not signature.accepts(position, bound.type):
            raise scope.mismatch(
                f"{expr.name} takes {_expected(signature, position)}, but {quoted(argument)} is of"
                f" type {bound.type}"
            )


def _expected(signature: Signature, position: int) -> str:
    names = sorted(signature.parameters[position])
    return "text" if names == [PrimitiveType.STRING] else " or ".join(names)


def _check_constants(expr: Call, arguments: tuple[BoundExpr, ...], scope: Scope) -> None:
    for argument, bound in zip(expr.arguments, arguments, strict=True):
        if isinstance(bound, Constant) and bound.picoseconds:
            raise scope.invalid(f"{quoted(expr)}: at most six fractional digits are allowed")
        literal = _offset_literal(argument, scope) if expr.name in OFFSET_SENSITIVE else None
        if literal is not None and isinstance(bound, Constant):
            assert isinstance(bound.value, datetime)  # noqa: S101 - that of the literal
            raise scope.invalid(
                f"{quoted(expr)}: instants are in UTC here; instead of {quoted(literal)} write"
                f" the same instant in UTC, with Z: {from_datetime(bound.value)}"
            )
    if expr.name == "matchespattern":
        _check_pattern(expr, arguments[1], scope)
    if expr.name == "substring" and len(arguments) == 3 and _is_negative(arguments[2]):
        raise scope.invalid(f"{quoted(expr)}: a length cannot be negative")


def _check_pattern(expr: Call, pattern: BoundExpr, scope: Scope) -> None:
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        return
    try:
        to_re2(pattern.value)
    except PatternError as error:
        raise scope.invalid(
            f"{quoted(expr)}: the pattern has {error}; write ECMAScript patterns with the flag u,"
            " without lookaround and backreferences"
        ) from error


def _offset_literal(expr: Expr, scope: Scope) -> Literal | None:
    """Return the literal of an argument, following aliases, if its offset is not UTC."""
    while isinstance(expr, Alias):
        expr = dict(scope.aliases).get(expr.name, Literal(LiteralKind.NULL, None))
    if not isinstance(expr, Literal) or expr.kind is not LiteralKind.DATE_TIME_OFFSET:
        return None
    return None if str(expr.value).endswith("Z") else expr


def _is_negative(expr: BoundExpr) -> bool:
    return isinstance(expr, Constant) and isinstance(expr.value, int) and expr.value < 0


def _same_type(argument: BoundExpr) -> PrimitiveType:
    return argument.type if argument.type is PrimitiveType.DOUBLE else PrimitiveType.DECIMAL
