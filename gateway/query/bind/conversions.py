"""`cast`, `isof` and `case` (URL Conventions 5.1.1.10 and 5.1.1.12)."""

from __future__ import annotations

from gateway.edm.types import PrimitiveType as T
from gateway.query.bind.constants import promote_constant
from gateway.query.bind.scope import Scope, quoted
from gateway.query.tree.expressions import BoundExpr, CaseWhen, Constant, Convert
from grammar import Case, Cast, IsOf

_NUMBERS = (T.INT32, T.INT64, T.DOUBLE)
_WITH_TEXTS = (T.BOOLEAN, T.DATE_TIME_OFFSET, T.DATE, T.GUID)
CONVERSIONS = frozenset(
    [(source, target) for source in (*_NUMBERS, T.STRING) for target in _NUMBERS]
    + [(source, T.STRING) for source in (*_NUMBERS, *_WITH_TEXTS)]
    + [(T.DECIMAL, target) for target in _NUMBERS]
    + [(T.INT32, T.DECIMAL), (T.INT64, T.DECIMAL), (T.STRING, T.BOOLEAN)]
    + [(T.DATE_TIME_OFFSET, T.DATE), (T.DATE_TIME_OFFSET, T.TIME_OF_DAY)]
    + [(T.STRING, T.DATE), (T.STRING, T.DATE_TIME_OFFSET), (T.STRING, T.GUID)]
)
"""The supported conversions, besides each type to itself; all others are refused."""


def build_cast(expr: Cast | IsOf, operand: BoundExpr, scope: Scope) -> BoundExpr:
    """Build `cast(operand,type)`.

    Raises:
        NotSupported: a conversion that is not evaluated here.
    """
    target = next((type_ for type_ in T if type_ == expr.type), None)
    if isinstance(operand, Constant) and operand.value is None:
        return Constant(None, target)
    if operand.type is target and target is not None:
        return operand
    exact = not (isinstance(operand, Constant) and operand.picoseconds)
    if operand.type is None or target is None or not exact:
        raise scope.unsupported(expr)
    if (operand.type, target) not in CONVERSIONS:
        raise scope.unsupported(expr, f"the conversion of {operand.type} to {target}")
    return Convert(operand, target)


def build_isof(expr: Cast | IsOf, operand: BoundExpr, scope: Scope) -> BoundExpr:
    """Build `isof(operand,type)`: true for the operand's own type, null included.

    Raises:
        NotSupported: another type.
    """
    if operand.type is not None and expr.type in (operand.type, "Edm.PrimitiveType"):
        return Constant(True, T.BOOLEAN)
    raise scope.unsupported(expr, f"isof for {expr.type}")


def build_case(
    expr: Case, branches: tuple[tuple[BoundExpr, BoundExpr], ...], scope: Scope
) -> BoundExpr:
    """Build `case(condition:value,...)`; values have one type, or are all numbers.

    Raises:
        TypeMismatch: they are not.
        LimitExceeded: texts that may become too long.
    """
    types = {value.type for _, value in branches if value.type is not None}
    numeric = all(type_.is_numeric for type_ in types)
    if len(types) > 1 and not numeric:
        names = " and ".join(sorted(types))
        raise scope.mismatch(f"{quoted(expr)} has values of {names}; use one type for all")
    if any(isinstance(value, Constant) and value.picoseconds for _, value in branches):
        raise scope.invalid(f"{quoted(expr)}: at most six fractional digits are allowed")
    type_ = _common(types) if len(types) > 1 else next(iter(types), None)
    case = CaseWhen(tuple((c, _beside(v, type_)) for c, v in branches), type_)
    if type_ is T.STRING:
        scope.make_text(case)
    return case


def _common(types: set[T]) -> T:
    if T.DOUBLE in types:
        return T.DOUBLE
    return T.DECIMAL if T.DECIMAL in types else T.INT64


def _beside(value: BoundExpr, type_: T | None) -> BoundExpr:
    return promote_constant(value, type_) if isinstance(value, Constant) else value
