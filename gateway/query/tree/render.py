"""Bound expressions as OData text, for explain and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from gateway.edm.model import Property
from gateway.query.tree.expressions import (
    THIS_ROW,
    And,
    Arithmetic,
    BoundExpr,
    CaseWhen,
    ColumnRef,
    Compare,
    Computed,
    ComputedProperty,
    Constant,
    Convert,
    CountElements,
    CountRows,
    Element,
    FunctionCall,
    In,
    Leaf,
    Matches,
    Navigated,
    NavigationPath,
    Negate,
    Not,
    Or,
    Quantified,
    QuantifiedRows,
    Reached,
)
from gateway.query.tree.transformations import BoundAggregate, RowType
from grammar.literals import (
    from_date,
    from_datetime,
    from_decimal,
    from_float,
    from_time,
    from_timedelta,
)

_WITHOUT_PARTS = (type, Leaf, NavigationPath, Property, RowType)
_PLAIN = frozenset("-.0123456789")
_VARIABLE = "x"
_COUNTED = "$this"


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of rows and of the element in a text; the row itself has an empty name."""

    rows: Mapping[str, str] = field(default_factory=lambda: {"": "", THIS_ROW: ""})
    element: str = _VARIABLE

    def row(self, row: str, name: str) -> _Names:
        """Return the same names and one for another row."""
        return replace(self, rows={**self.rows, row: name})

    def member(self, row: str, member: str) -> str:
        """Return the path to a property of a row."""
        name = self.rows[row]
        return f"{name}/{member}" if name else member

    def along(self, path: NavigationPath) -> str:
        """Return the path along a navigation property."""
        return self.member(path.row, path.navigation.name)


def render_expr(expr: BoundExpr) -> str:
    """Return canonical OData text; variables are `x` for values, `n1`, `n2`, ... for rows."""
    return _render(expr, _Names())


def _render(expr: BoundExpr, names: _Names) -> str:
    match expr:
        case Constant() | ColumnRef() | Element():
            return _leaf(expr, names)
        case Compare(operator, left, right):
            return f"{_operand(left, names)} {operator} {_operand(right, names)}"
        case In(operand, values):
            return f"{_operand(operand, names)} in ({_list(values, names)})"
        case Matches(text):
            return f"search({_constant(text)})"
        case And(terms) | Or(terms):
            connective = " and " if isinstance(expr, And) else " or "
            return connective.join(_operand(term, names) for term in terms)
        case Not(operand):
            return f"not {_operand(operand, names)}"
        case Quantified() | Reached() | QuantifiedRows() | CountRows() | CountElements():
            return _along(expr, names)
        case _:
            return _computed(expr, names)


def _along(expr: Quantified | Navigated, names: _Names) -> str:
    """Render a path; in the condition of a count, the row or element that counts is `$this`."""
    match expr:
        case Reached(path, value):
            return _render(value, names.row(path.to, names.along(path)))
        case Quantified(prop, quantifier, predicate, row):
            inner = _lambda(_VARIABLE, predicate, names)
            return f"{names.member(row, prop.name)}/{quantifier}({inner})"
        case QuantifiedRows(path, quantifier, predicate):
            inner = _lambda(path.to, predicate, names.row(path.to, path.to))
            return f"{names.along(path)}/{quantifier}({inner})"
        case CountRows(path, condition):
            return f"{names.along(path)}/$count{_filter(condition, names.row(path.to, _COUNTED))}"
        case CountElements(prop, row, condition):
            inner = _filter(condition, replace(names, element=_COUNTED))
            return f"{names.member(row, prop.name)}/$count{inner}"


def _lambda(variable: str, predicate: BoundExpr | None, names: _Names) -> str:
    return "" if predicate is None else f"{variable}:{_render(predicate, names)}"


def _filter(condition: BoundExpr | None, names: _Names) -> str:
    return "" if condition is None else f"($filter={_render(condition, names)})"


def _list(items: Iterable[BoundExpr], names: _Names) -> str:
    return ",".join(_render(item, names) for item in items)


def _computed(expr: Computed, names: _Names) -> str:
    match expr:
        case FunctionCall(function, arguments, _):
            return f"{function}({_list(arguments, names)})"
        case Arithmetic(operator, left, right, _):
            return f"{_operand(left, names)} {operator} {_operand(right, names)}"
        case Negate(operand, _):
            return f"-({_render(operand, names)})"
        case Convert(operand, type_):
            return f"cast({_render(operand, names)},{type_})"
        case CaseWhen(branches, _):
            pairs = (f"{_render(c, names)}:{_render(v, names)}" for c, v in branches)
            return f"case({','.join(pairs)})"


def _leaf(expr: Leaf, names: _Names) -> str:
    match expr:
        case Constant(value, _):
            return _constant(value)
        case ColumnRef(prop, row):
            return names.member(row, prop.name)
        case Element():
            return names.element


def _operand(expr: BoundExpr, names: _Names) -> str:
    text = _render(expr, names)
    simple = isinstance(
        expr, Leaf | FunctionCall | Convert | CaseWhen | Quantified | Matches | Navigated
    )
    return text if simple else f"({text})"


def _constant(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime() | date() | time() | timedelta():
            return _temporal(value)
        case float():
            plain = repr(value).removesuffix(".0")
            return from_float(value) if set(plain) - _PLAIN else plain
        case Decimal():
            return from_decimal(value)
        case _:
            return str(value)


def _temporal(value: datetime | date | time | timedelta) -> str:
    match value:
        case datetime():
            return from_datetime(value)
        case date():
            return from_date(value)
        case time():
            return from_time(value)
        case timedelta():
            return f"duration'{from_timedelta(value)}'"


def render_parts(part: object, wanted: Callable[[object], bool]) -> Iterator[tuple[object, str]]:
    """Yield the wanted parts of bound expressions and transformations, each with its text.

    Inner parts precede the parts that contain them.
    """
    for found, names in _parts(part, _Names()):
        if wanted(found):
            yield found, _part(found, names)


def _parts(part: object, names: _Names) -> Iterator[tuple[object, _Names]]:
    if isinstance(part, tuple):
        for item in part:
            yield from _parts(item, names)
    elif is_dataclass(part) and not isinstance(part, _WITHOUT_PARTS):
        names = _inside(part, names)
        for field_ in fields(part):
            yield from _parts(getattr(part, field_.name), names)
        yield part, names


def _inside(part: object, names: _Names) -> _Names:
    """Return the names that the inner parts of a part can use."""
    match part:
        case BoundAggregate(along=paths):
            for path in paths:
                names = names.row(path.to, names.along(path))
            return names
        case Reached(path):
            return names.row(path.to, names.along(path))
        case QuantifiedRows(path):
            return names.row(path.to, path.to)
        case CountRows(path):
            return names.row(path.to, _COUNTED)
        case CountElements():
            return replace(names, element=_COUNTED)
        case _:
            return names


def _part(part: object, names: _Names) -> str:
    match part:
        case ComputedProperty(prop, expr):
            return f"{_render(expr, names)} as {prop.name}"
        case BoundAggregate(prop, method, expr):
            value = method if expr is None else f"{_render(expr, names)} with {method}"
            return f"{value} as {prop.name}"
        case _:
            assert isinstance(part, BoundExpr)  # noqa: S101 - other parts have no text
            return _render(part, names)
