"""The syntax tree of expressions, before any schema is known (Part 2, 5.1.1).

Every node is a frozen dataclass, hence hashable: a tree serves as a cache key. The binder, not the
tree, knows the meaning of names and the types of expressions. Node names follow OData 4.01 Part 2
(URL Conventions).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from grammar.tree.left_deep import Chain
from grammar.tree.search import SearchExpr


class LiteralKind(StrEnum):
    """The form of a primitive literal; the binder may still promote its EDM type.

    NULL to STRING carry a Python value. All kinds after STRING carry canonical text, because OData
    allows years, offsets and fractions that Python's types do not; `grammar.literals` converts.
    """

    NULL = "null"
    BOOLEAN = "Edm.Boolean"
    INTEGER = "Edm.Int64"
    DECIMAL = "Edm.Decimal"
    DOUBLE = "Edm.Double"
    STRING = "Edm.String"
    DATE = "Edm.Date"
    TIME_OF_DAY = "Edm.TimeOfDay"
    DATE_TIME_OFFSET = "Edm.DateTimeOffset"
    DURATION = "Edm.Duration"
    GUID = "Edm.Guid"
    BINARY = "Edm.Binary"
    ENUM = "enum"
    GEOGRAPHY = "Edm.Geography"
    GEOMETRY = "Edm.Geometry"


LiteralValue: TypeAlias = "bool | int | Decimal | float | str | None"


@dataclass(frozen=True, slots=True)
class Literal:
    """A primitive literal (5.1.1.14.1).

    `value` by kind: None, bool, int, Decimal, float (exponent form, INF, NaN), str; canonical text
    for the others, e.g. `2024-02-29T23:59:00Z`, `P1DT2H`. `type_name` is the qualified name of an
    enumeration type and empty for all other kinds.
    """

    kind: LiteralKind
    value: LiteralValue
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """The first name of a path: a property, a lambda variable, an alias of $compute, or a type.

    An annotation keeps its `@`, and its qualifier after `#`: `@Core.Messages#short`.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """`$it`, `$root`, `$this` (5.1.1.14.4, .5, .13), `$these` (Data Aggregation), with its dollar.

    As the expression of an `AggregateItem` also `$count`.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A parameter alias `@name` (5.3); `name` has no `@`."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`base/name`: a property, navigation property or type cast reached from another path."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True)
class KeyLookup:
    """`base(key)` in a path, e.g. `$root/Results('a')`; see `KeyPredicate`."""

    base: Expr
    key: KeyPredicate


@dataclass(frozen=True, slots=True)
class CountOf:
    """`base/$count`, in 4.01 optionally filtered and searched (5.1.1.1.12)."""

    base: Expr
    filter: Expr | None = None
    search: SearchExpr | None = None


@dataclass(frozen=True, slots=True)
class FilteredBy:
    """`base/$filter(predicate)`: a collection narrowed inside a path (4.12)."""

    base: Expr
    predicate: Expr


@dataclass(frozen=True, slots=True)
class Lambda:
    """`base/any(variable:predicate)` or `all` (5.1.1.13); `any()` has neither."""

    base: Expr
    quantifier: str
    variable: str | None = None
    predicate: Expr | None = None


@dataclass(frozen=True, slots=True)
class Aggregated:
    """`base/aggregate(item)`: one value computed from a collection (Data Aggregation 3.2.1)."""

    base: Expr
    item: AggregateItem


@dataclass(frozen=True, slots=True)
class Call:
    """A canonical function; `name` in lower case, e.g. `startswith`, `geo.length`."""

    name: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A service-defined function with named parameters; `base` is None for an unbound one.

    After a path, `Items/Best(Size=1)` may also be a key. With a name without namespace, and only
    literals and aliases as values, it is a `KeyLookup`; the binder decides.
    """

    base: Expr | None
    name: str
    parameters: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """`cast(operand,type)`; no `operand` means the current instance; `type` is a qualified name."""

    operand: Expr | None
    type: str


@dataclass(frozen=True, slots=True)
class IsOf:
    """`isof(operand,type)`; no `operand` means the current instance."""

    operand: Expr | None
    type: str


@dataclass(frozen=True, slots=True)
class Case:
    """`case(condition:value,...)` (5.1.1.12.1): the first branch whose condition is true."""

    branches: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`operator` is `not` or `-`."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Binary(Chain):
    """`operator` in lower case: or and eq ne lt le gt ge has in add sub mul div divby mod.

    All associate to the left, so a chain of a thousand `or` is a thousand levels deep on its left
    and flat on its right. Visitors iterate over `operands(node, "or")` instead of recursing.
    """

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class ListExpr:
    """The right side of `in`, or a JSON array in an expression; may be empty."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class RecordExpr:
    """A JSON object in an expression; member names as written, unescaped."""

    members: tuple[tuple[str, Expr], ...]


Expr: TypeAlias = (
    "Literal | Name | Special | Alias | Member | KeyLookup | CountOf | FilteredBy | Lambda"
    " | Aggregated | Call | BoundCall | Cast | IsOf | Case | Unary | Binary | ListExpr | RecordExpr"
)


@dataclass(frozen=True, slots=True)
class AggregateFrom:
    """`from paths with method`: first per group of `paths`, then over the groups (3.2.1.5).

    `method` is empty for a custom aggregate that defines its own.
    """

    paths: tuple[Expr, ...]
    method: str = ""


@dataclass(frozen=True, slots=True)
class AggregateItem:
    """`expression with method from ... as alias` (3.2.1).

    `method` is one of sum min max average countdistinct, case-sensitive, or a qualified custom
    method; empty for `$count`, for `path/$count` and for a custom aggregate. `expression` is
    `Special("$count")` for the number of instances. `alias` is empty in `Aggregated`, and for a
    custom aggregate that keeps its own name.
    """

    expression: Expr
    method: str = ""
    alias: str = ""
    steps: tuple[AggregateFrom, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPredicate:
    """The key in parentheses: one unnamed value, or named values in the order written (4.3).

    A value is a Literal or an Alias. For a single value the name is empty.
    """

    values: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class OrderItem:
    """One item of $orderby (5.1.5); ascending, with `asc` or without, by default."""

    expression: Expr
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ComputeItem:
    """One `expression as alias` of $compute (5.1.10)."""

    expression: Expr
    alias: str
