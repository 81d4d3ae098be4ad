"""Expressions and items of $orderby and $compute to canonical decoded text.

Canonical text has one space around operators and none elsewhere, lower-case operators and
functions, parentheses only where precedence needs them, and literals as `grammar.parse.canonical`
describes.
"""

from __future__ import annotations

import json
from decimal import Decimal

from grammar.literals import from_decimal, from_float
from grammar.tree.expressions import (
    Aggregated,
    AggregateItem,
    Alias,
    Binary,
    BoundCall,
    Call,
    Case,
    Cast,
    ComputeItem,
    CountOf,
    Expr,
    FilteredBy,
    IsOf,
    KeyLookup,
    KeyPredicate,
    Lambda,
    ListExpr,
    Literal,
    LiteralKind,
    Member,
    Name,
    OrderItem,
    RecordExpr,
    Special,
    Unary,
)
from grammar.write.search import search_text

# How tightly operators bind (Part 2, 5.1.1.17), as odata.lark has it.
UNARY = 7
TIGHTEST = 9

BINDING: dict[str, int] = {
    "or": 1,
    "and": 2,
    "eq": 3,
    "ne": 3,
    "lt": 4,
    "le": 4,
    "gt": 4,
    "ge": 4,
    "add": 5,
    "sub": 5,
    "mul": 6,
    "div": 6,
    "divby": 6,
    "mod": 6,
    "has": 8,
    "in": 8,
}

_PREFIXES = {
    LiteralKind.DURATION: "duration",
    LiteralKind.BINARY: "binary",
    LiteralKind.GEOGRAPHY: "geography",
    LiteralKind.GEOMETRY: "geometry",
}


def literal_text(node: Literal) -> str:
    """Return a literal, with the prefix that 4.01 makes optional: it shows the kind."""
    match node.value:
        case None:
            return "null"
        case bool(value):
            return "true" if value else "false"
        case Decimal() as value:
            return from_decimal(value)
        case float(value):
            return from_float(value)
        case int(value):
            return str(value)
        case value if node.kind is LiteralKind.STRING:
            return quoted(value)
        case value if node.kind is LiteralKind.ENUM:
            return f"{node.type_name}'{value}'"
        case value if node.kind in _PREFIXES:
            return f"{_PREFIXES[node.kind]}'{value}'"
        case value:
            return value


def quoted(text: str) -> str:
    """Return text in single quotes, with quotes inside doubled."""
    return "'" + text.replace("'", "''") + "'"


def expression_text(node: Expr) -> str:
    """Return any expression; `parse_expression` is the reverse."""
    match node:
        case Binary():
            return _binary(node)
        case Unary(operator, operand):
            return _unary(operator, operand)
        case Literal():
            return literal_text(node)
        case ListExpr(items):
            return f"[{','.join(map(_json, items))}]"
        case RecordExpr(members):
            return "{" + ",".join(f"{json_text(n)}:{_json(v)}" for n, v in members) + "}"
        case _:
            return _path(node)


def _binary(node: Binary) -> str:
    """Write a chain in a loop, because its left side may be thousands deep."""
    pieces: list[str] = []
    left: Expr = node
    binding = 0
    while isinstance(left, Binary) and BINDING[left.operator] >= binding:
        binding = BINDING[left.operator]
        pieces.append(f" {left.operator} {_right(left)}")
        left = left.left
    pieces.append(_operand(left, binding))
    return "".join(reversed(pieces))


def _right(node: Binary) -> str:
    """Return the right operand; only after `in` a list of literals is in parentheses."""
    right = node.right
    if node.operator == "in" and isinstance(right, ListExpr):
        if all(isinstance(item, Literal) for item in right.items):
            return f"({','.join(map(expression_text, right.items))})"
        return expression_text(right)
    return _operand(right, BINDING[node.operator] + 1)


def _operand(node: Expr, binding: int) -> str:
    """Add parentheses unless the node binds at least as tightly as `binding`."""
    text = expression_text(node)
    return f"({text})" if _binding(node) < binding else text


def _binding(node: Expr) -> int:
    if isinstance(node, Binary):
        return BINDING[node.operator]
    return UNARY if isinstance(node, Unary) else TIGHTEST


def _unary(operator: str, operand: Expr) -> str:
    """Write the operator; `-(5)` negates a literal, while `-5` is one literal."""
    text = _operand(operand, UNARY)
    if operator == "not":
        return f"not {text}"
    return f"-({text})" if text[0].isdigit() or text.startswith("INF") else f"-{text}"


def _json(item: Expr) -> str:
    """Return an item inside JSON, where text is in double quotes."""
    if isinstance(item, Literal) and item.kind is LiteralKind.STRING:
        return json_text(str(item.value))
    return expression_text(item)


def json_text(text: str) -> str:
    """Return a JSON string."""
    return json.dumps(text, ensure_ascii=False)


def _path(node: Expr) -> str:
    """Return a path, or the call that starts it."""
    match node:
        case Name(name) | Special(name):
            return name
        case Alias(name):
            return f"@{name}"
        case Member(base, name):
            return f"{expression_text(base)}/{name}"
        case KeyLookup(base, key):
            return f"{expression_text(base)}({key_text(key)})"
        case CountOf(base):
            return f"{expression_text(base)}/$count{_count_options(node)}"
        case FilteredBy(base, predicate):
            return f"{expression_text(base)}/$filter({expression_text(predicate)})"
        case Lambda(base):
            return f"{expression_text(base)}/{node.quantifier}({_predicate(node)})"
        case Aggregated(base, item):
            return f"{expression_text(base)}/aggregate({aggregated_text(item)})"
        case _:
            return _call(node)


def _call(node: Expr) -> str:
    match node:
        case Call(name, arguments):
            return f"{name}({','.join(map(expression_text, arguments))})"
        case BoundCall(base, name, parameters):
            prefix = f"{expression_text(base)}/" if base else ""
            return f"{prefix}{name}({parameters_text(parameters)})"
        case Cast(operand, type_name):
            return f"cast({_operand_and_type(operand, type_name)})"
        case IsOf(operand, type_name):
            return f"isof({_operand_and_type(operand, type_name)})"
        case Case(branches):
            return f"case({','.join(map(_branch, branches))})"
        case _:
            raise TypeError(f"not an expression: {type(node).__name__}")


def _count_options(node: CountOf) -> str:
    options = []
    if node.filter is not None:
        options.append(f"$filter={expression_text(node.filter)}")
    if node.search is not None:
        options.append(f"$search={search_text(node.search)}")
    return f"({';'.join(options)})" if options else ""


def aggregated_text(item: AggregateItem) -> str:
    """Return `expression with method from ...`, without the alias."""
    steps = "".join(
        f" from {','.join(map(expression_text, step.paths))}{_with(step.method)}"
        for step in item.steps
    )
    return f"{expression_text(item.expression)}{_with(item.method)}{steps}"


def _with(method: str) -> str:
    return f" with {method}" if method else ""


def _predicate(node: Lambda) -> str:
    if node.predicate is None:
        return ""
    return f"{node.variable}:{expression_text(node.predicate)}"


def _operand_and_type(operand: Expr | None, type_name: str) -> str:
    return f"{expression_text(operand)},{type_name}" if operand else type_name


def _branch(branch: tuple[Expr, Expr]) -> str:
    """Return `condition:value`; `10 :15` needs the space, as `10:15` is a time of day."""
    condition, value = map(expression_text, branch)
    space = " " if condition[-1].isdigit() and value[0].isdigit() else ""
    return f"{condition}{space}:{value}"


def key_text(key: KeyPredicate) -> str:
    """Return the content of the parentheses of a key."""
    return parameters_text(key.values)


def parameters_text(pairs: tuple[tuple[str, Expr], ...]) -> str:
    """Return `name=value` pairs separated by commas; a pair without name is the value alone."""
    return ",".join(f"{n}={expression_text(v)}" if n else expression_text(v) for n, v in pairs)


def order_text(item: OrderItem) -> str:
    """Return `expression` or `expression desc`; `asc` is the default and left out."""
    return f"{expression_text(item.expression)}{' desc' if item.descending else ''}"


def compute_text(item: ComputeItem) -> str:
    """Return `expression as alias`."""
    return f"{expression_text(item.expression)} as {item.alias}"
