"""Canonical functions as DuckDB SQL, with OData's rules where the two differ.

Templates take their operands in order as `{0}`, `{1}`, ..., cast to the types of SQL_TYPES. All are
null when an argument is null, as OData demands (5.1.1.4). RE2 runs regular expressions, in
linear time.
"""

from __future__ import annotations

from gateway.edm.types import PrimitiveType
from gateway.engine.letter_case import LOWER, UPPER
from gateway.engine.sql import Sql, fill
from gateway.query.bind.patterns import to_re2
from gateway.query.tree.expressions import BoundExpr, Constant, FunctionCall

SQL_TYPES = {
    PrimitiveType.STRING: "VARCHAR",
    PrimitiveType.BOOLEAN: "BOOLEAN",
    PrimitiveType.INT32: "BIGINT",
    PrimitiveType.INT64: "BIGINT",
    PrimitiveType.DOUBLE: "DOUBLE",
    PrimitiveType.DATE_TIME_OFFSET: "TIMESTAMP",
    PrimitiveType.DATE: "DATE",
    PrimitiveType.TIME_OF_DAY: "TIME",
    PrimitiveType.DURATION: "BIGINT",
    PrimitiveType.GUID: "UUID",
}
"""The SQL types of values; a duration is a number of microseconds, an instant naive UTC.

A decimal has as many digits as it needs, so it has no type here.
"""

_WHITE = "".join(f"chr({n}) || " for n in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680))
_WIDE = " || ".join(f"chr({n})" for n in (*range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F))
_TRIMMED = f"({_WHITE}{_WIDE} || chr(12288))"
_FIRST = (
    "(CASE WHEN {1} < 0 THEN greatest(length({0}) + {1}, 0)"
    " WHEN {1} > 4000000000 THEN 4000000000 ELSE {1} END + 1)"
)
_LENGTH = (
    "(CASE WHEN {2} < 0 THEN error('a length cannot be negative')"
    " WHEN {2} > 4000000000 THEN 4000000000 ELSE {2} END)"
)
"""DuckDB takes 32 bits here, and its `least` and `greatest` ignore null."""

_ONE_OF = r"[^][\\(){}*+?.|^$]|\[\^?[^][\\^&~-]+\]|\)"
_COUNT = "(0|[1-9][0-9]*)"
_OFTEN = rf"[*+?]\??|\{{{_COUNT}(,{_COUNT}?)?\}}\??"
_PORTABLE = rf"(({_ONE_OF})({_OFTEN})?|[|^$]|\((\?:)?)*"
_IF_PORTABLE = (
    f"CASE WHEN {{1}} IS NULL OR regexp_full_match({{1}}, '{_PORTABLE}')"
    " THEN regexp_matches({0}, {1}) ELSE error('this pattern is only evaluated as a literal') END"
)
"""A pattern in a column cannot be translated; this one accepts those that RE2 reads the same."""

FUNCTIONS: dict[str, str] = {
    "contains": "contains({0}, {1})",
    "startswith": "starts_with({0}, {1})",
    "endswith": "ends_with({0}, {1})",
    "matchespattern": "regexp_matches({0}, {1})",
    "concat": "({0} || {1})",
    "indexof": "(instr({0}, {1}) - 1)",
    "length": "length({0})",
    "substring": f"substring({{0}}, {_FIRST})",
    "substring 3": f"substring({{0}}, {_FIRST}, {_LENGTH})",
    "tolower": LOWER,
    "toupper": UPPER,
    "trim": f"trim({{0}}, {_TRIMMED})",
    "year": "year({0})",
    "month": "month({0})",
    "day": "day({0})",
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "second({0})",
    "fractionalseconds": "(CAST(microsecond({0}) % 1000000 AS DECIMAL(9, 0)) * 0.000001)",
    "date": "CAST({0} AS DATE)",
    "time": "CAST({0} AS TIME)",
    "totaloffsetminutes": "(CASE WHEN {0} IS NOT NULL THEN 0 END)",
    "totalseconds": "(CAST({0} AS DECIMAL(20, 0)) * 0.000001)",
    "round": "round({0})",
    "floor": "floor({0})",
    "ceiling": "ceil({0})",
}
"""DuckDB rounds half away from zero, as 5.1.1.9.1 demands; its instr counts from 1."""


def typed(operand: Sql, type_: PrimitiveType | None) -> Sql:
    """Cast the operand to its SQL type; a parameter may have another one."""
    name = None if type_ is None else SQL_TYPES.get(type_)
    return operand if name is None else fill(f"CAST({{0}} AS {name})", operand)


def call(expr: FunctionCall, operands: tuple[Sql, ...]) -> Sql:
    """Return the SQL of a call; `operands` are its rendered arguments."""
    if expr.type is PrimitiveType.DECIMAL and _is_whole(expr):
        return fill("CAST({0} AS DECIMAL(19, 0))", *operands)
    arguments = [typed(o, a.type) for o, a in zip(operands, expr.arguments, strict=True)]
    if expr.function == "matchespattern":
        return _matches_pattern(expr.arguments[1], arguments)
    name = f"{expr.function} 3" if len(operands) == 3 else expr.function
    return fill(FUNCTIONS[name], *arguments)


def _matches_pattern(pattern: BoundExpr, arguments: list[Sql]) -> Sql:
    if isinstance(pattern, Constant):
        translated = Sql("?", (to_re2(str(pattern.value)),))
        return fill(FUNCTIONS["matchespattern"], arguments[0], typed(translated, pattern.type))
    return fill(_IF_PORTABLE, *arguments)


def _is_whole(expr: FunctionCall) -> bool:
    """Return True for rounding a number that is whole already."""
    return expr.arguments[0].type in (PrimitiveType.INT32, PrimitiveType.INT64)
