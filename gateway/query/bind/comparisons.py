"""Comparisons of bound operands (URL Conventions 5.1.1.1): types that go together, and constants.

A comparison of two constants is evaluated here, once.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from gateway.edm.types import PrimitiveType
from gateway.query.bind.constants import compare_constants, promote, promote_constant
from gateway.query.bind.literals import as_duration
from gateway.query.bind.scope import Scope
from gateway.query.tree.expressions import BoundExpr, Compare, CompareOperator, Constant, In

_MAX_DECIMAL_DIGITS = 38
_WITHOUT_FRACTION = {
    CompareOperator.GE: CompareOperator.GT,
    CompareOperator.LT: CompareOperator.LE,
}


def build_compare(
    operator: CompareOperator, left: BoundExpr, right: BoundExpr, what: str, scope: Scope
) -> BoundExpr:
    """Build `left operator right`; `what` quotes it for messages.

    Raises:
        TypeMismatch: operands that OData does not compare.
        InvalidValue: a decimal with more digits than can be compared with a computed one.
    """
    left, right = _beside_duration(left, right), _beside_duration(right, left)
    check_comparable(left, right, what, scope)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Constant(compare_constants(operator, left, right), PrimitiveType.BOOLEAN)
    _check_digits(left, right, scope)
    _check_digits(right, left, scope)
    if isinstance(left, Constant) and left.picoseconds:
        return _compare_with_fraction(operator.mirrored, right, left)
    if isinstance(right, Constant) and right.picoseconds:
        return _compare_with_fraction(operator, left, right)
    return Compare(operator, promote(left, right), promote(right, left))


def build_in(
    operand: BoundExpr, values: tuple[Constant, ...], what: str, scope: Scope
) -> BoundExpr:
    """Build `operand in (values)`; raise what `build_compare` raises."""
    values = tuple(_constant_beside_duration(value, operand) for value in values)
    for value in values:
        check_comparable(operand, value, what, scope)
        _check_digits(value, operand, scope)
    if isinstance(operand, Constant):
        found = any(compare_constants(CompareOperator.EQ, operand, value) for value in values)
        return Constant(found, PrimitiveType.BOOLEAN)
    possible = (value for value in values if not value.picoseconds)
    return In(operand, tuple(promote_constant(value, operand.type) for value in possible))


def _compare_with_fraction(
    operator: CompareOperator, left: BoundExpr, right: Constant
) -> BoundExpr:
    """Compare with an instant between two microseconds, which equals no instant of a row.

    >>> from datetime import UTC
    >>> fine = Constant(datetime(2024, 1, 1, tzinfo=UTC), PrimitiveType.DATE_TIME_OFFSET, 1)
    >>> _compare_with_fraction(CompareOperator.EQ, fine, fine).value
    False
    """
    if operator in (CompareOperator.EQ, CompareOperator.NE):
        return Constant(operator is CompareOperator.NE, PrimitiveType.BOOLEAN)
    floor = Constant(right.value, right.type)
    return Compare(_WITHOUT_FRACTION.get(operator, operator), left, floor)


def _beside_duration(expr: BoundExpr, other: BoundExpr) -> BoundExpr:
    return _constant_beside_duration(expr, other) if isinstance(expr, Constant) else expr


def _constant_beside_duration(constant: Constant, other: BoundExpr) -> Constant:
    if other.type is not PrimitiveType.DURATION:
        return constant
    return as_duration(constant) or constant


def _check_digits(constant: BoundExpr, other: BoundExpr, scope: Scope) -> None:
    """Refuse a decimal of more than 38 digits, which DuckDB would compare as a Double."""
    if other.type is not PrimitiveType.DECIMAL or not isinstance(constant, Constant):
        return
    if isinstance(constant.value, Decimal) and not fits_decimal(constant.value):
        raise scope.invalid(
            f"{constant.value} has more than {_MAX_DECIMAL_DIGITS} digits; round it"
        )


def fits_decimal(value: Decimal) -> bool:
    """Return True if 38 digits hold the value.

    >>> fits_decimal(Decimal("1e38")), fits_decimal(Decimal("1e-38"))
    (False, True)
    """
    whole, _, fraction = format(value, "f").lstrip("-").partition(".")
    return len(whole.lstrip("0")) + len(fraction) <= _MAX_DECIMAL_DIGITS


def check_comparable(left: BoundExpr, right: BoundExpr, what: str, scope: Scope) -> None:
    """Refuse operands that OData does not compare; null compares with everything.

    Raises:
        TypeMismatch: names both types and, for common mistakes, the remedy.
    """
    if left.type is None or right.type is None or left.type.comparable_with(right.type):
        return
    raise scope.mismatch(f"{what} compares {left.type} with {right.type}{_remedy(left, right)}")


def _remedy(left: BoundExpr, right: BoundExpr) -> str:
    for constant, other in ((left, right), (right, left)):
        if not isinstance(constant, Constant) or other.type is None:
            continue
        hint = _temporal_remedy(constant.value, other.type)
        if hint:
            return hint
        if other.type is PrimitiveType.GUID:
            return "; write a Guid without quotes: 00000000-0000-0000-0000-000000000000"
        if constant.type is PrimitiveType.STRING and isinstance(constant.value, str):
            return f"; write {constant.value or 'the value'} without quotes"
        if other.type is PrimitiveType.STRING:
            return f"; write text in single quotes: '{str(constant.value).lower()}'"
    return ""


def _temporal_remedy(value: object, other: PrimitiveType) -> str:
    match value:
        case datetime() if other is PrimitiveType.DATE:
            return f"; write {value.date()}"
        case datetime():
            return ""
        case date() if other is PrimitiveType.DATE_TIME_OFFSET:
            return f"; write {value}T00:00:00Z, or date(...) on the other side"
        case _:
            return ""
