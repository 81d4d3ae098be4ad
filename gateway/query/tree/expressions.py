"""The bound query: names resolved to properties, literals typed, everything checked.

Elsewhere this is called the semantic tree. Boolean connectives are n-ary, so that a filter with
hundreds of `or` terms stays shallow. Values are Python values as `PrimitiveType` states.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from gateway.edm.model import EntitySet, NavigationProperty, Property
from gateway.edm.types import PrimitiveType

Value: TypeAlias = str | bool | int | float | Decimal | datetime | date | time | timedelta | UUID


class CompareOperator(StrEnum):
    """Comparison operators (URL Conventions 5.1.1.1)."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"

    @property
    def mirrored(self) -> CompareOperator:
        """Return the operator that means the same with its operands exchanged."""
        return _MIRRORED.get(self, self)


_MIRRORED = {
    CompareOperator.LT: CompareOperator.GT,
    CompareOperator.GT: CompareOperator.LT,
    CompareOperator.LE: CompareOperator.GE,
    CompareOperator.GE: CompareOperator.LE,
}


class ArithmeticOperator(StrEnum):
    """Arithmetic operators (URL Conventions 5.1.1.2)."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    DIVBY = "divby"
    MOD = "mod"


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; `value` None and `type` None for `null`.

    `picoseconds` is the part of an instant below the microsecond. Comparisons use it; everything
    else refuses such a constant.
    """

    value: Value | None
    type: PrimitiveType | None
    picoseconds: int = 0


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A single-valued property of the current row, or of the row named `row`.

    See `NavigationPath` for names of rows.
    """

    prop: Property
    row: str = ""

    @property
    def type(self) -> PrimitiveType:
        """Return the property's type."""
        return self.prop.type


@dataclass(frozen=True, slots=True)
class Element:
    """The lambda variable: one element of a collection; there is one at a time."""

    type: PrimitiveType


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`. Null by 5.1.1.1: eq, ne are never null; lt, le, gt, ge false."""

    operator: CompareOperator
    left: BoundExpr
    right: BoundExpr

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class In:
    """`operand in (values)`; eq semantics for each value, null included; the list may be empty."""

    operand: BoundExpr
    values: tuple[Constant, ...]

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A canonical function; null when an argument is null (5.1.1.4)."""

    function: str
    arguments: tuple[BoundExpr, ...]
    type: PrimitiveType


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left operator right`; null when an operand is null. Integers are computed as Edm.Int64."""

    operator: ArithmeticOperator
    left: BoundExpr
    right: BoundExpr
    type: PrimitiveType


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`, of a number or a duration."""

    operand: BoundExpr
    type: PrimitiveType


@dataclass(frozen=True, slots=True)
class Convert:
    """`cast(operand,type)`; null where the value cannot be converted (5.1.1.10.1)."""

    operand: BoundExpr
    type: PrimitiveType


@dataclass(frozen=True, slots=True)
class CaseWhen:
    """`case(condition:value,...)`: the value of the first condition that is true, or null."""

    branches: tuple[tuple[BoundExpr, BoundExpr], ...]
    type: PrimitiveType | None


@dataclass(frozen=True, slots=True)
class Quantified:
    """`any` or `all` over a collection property; `predicate` None for the bare `any()`."""

    prop: Property
    quantifier: str
    predicate: BoundExpr | None
    row: str = ""

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Matches:
    """A test that one of the properties contains `text`, ignoring case; never null.

    They are properties of the current row, or of the row named `row`.
    """

    text: str
    properties: tuple[Property, ...]
    row: str = ""

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class CountElements:
    """`/$count` of a collection property, or of its elements that meet a condition."""

    prop: Property
    row: str = ""
    condition: BoundExpr | None = None

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Int64."""
        return PrimitiveType.INT64


@dataclass(frozen=True, slots=True)
class NavigationPath:
    """A step from the row `row` along a navigation property to the rows of `target`, named `to`.

    Names of rows are generated, never taken from a URL; THIS_ROW is the current row.
    """

    navigation: NavigationProperty
    target: EntitySet
    row: str
    to: str


THIS_ROW = "r"


@dataclass(frozen=True, slots=True)
class Reached:
    """A value of the one row at the end of a navigation path."""

    path: NavigationPath
    value: BoundExpr

    @property
    def type(self) -> PrimitiveType | None:
        """Return the value's type."""
        return self.value.type


@dataclass(frozen=True, slots=True)
class QuantifiedRows:
    """`any` or `all` over the rows at the end of a path; `predicate` None for the bare `any()`."""

    path: NavigationPath
    quantifier: str
    predicate: BoundExpr | None

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class CountRows:
    """`/$count` of the rows at the end of a path that meet a condition; None counts all."""

    path: NavigationPath
    condition: BoundExpr | None

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Int64."""
        return PrimitiveType.INT64


@dataclass(frozen=True, slots=True)
class And:
    """Three-valued conjunction of two or more terms."""

    terms: tuple[BoundExpr, ...]

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Or:
    """Three-valued disjunction of two or more terms."""

    terms: tuple[BoundExpr, ...]

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """Three-valued negation: not null is null."""

    operand: BoundExpr

    @property
    def type(self) -> PrimitiveType:
        """Return Edm.Boolean."""
        return PrimitiveType.BOOLEAN


Leaf: TypeAlias = Constant | ColumnRef | Element
Condition: TypeAlias = Compare | In | Quantified | Matches | And | Or | Not
Navigated: TypeAlias = Reached | QuantifiedRows | CountRows | CountElements
Computed: TypeAlias = FunctionCall | Arithmetic | Negate | Convert | CaseWhen
BoundExpr: TypeAlias = Leaf | Condition | Computed | Navigated


def conjunction(*conditions: BoundExpr | None) -> BoundExpr | None:
    """Return the given conditions as one flat `And`; None if there are none."""
    terms: list[BoundExpr] = []
    for condition in conditions:
        terms += condition.terms if isinstance(condition, And) else filter(None, (condition,))
    return And(tuple(terms)) if len(terms) > 1 else (terms[0] if terms else None)


@dataclass(frozen=True, slots=True)
class BoundOrder:
    """One sort key; null first ascending, last descending (Protocol 11.2.6.2)."""

    expr: BoundExpr
    descending: bool = False

    @property
    def prop(self) -> Property:
        """Return the column; only for an order that goes upstream, which always sorts by one."""
        assert isinstance(self.expr, ColumnRef)  # noqa: S101 - the planner pushes nothing else
        return self.expr.prop


@dataclass(frozen=True, slots=True)
class ComputedProperty:
    """A property that $compute adds to each row, and the expression that computes it."""

    prop: Property
    expr: BoundExpr
