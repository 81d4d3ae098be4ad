"""`cast` as DuckDB SQL: null where the value cannot be converted (URL Conventions 5.1.1.10.1).

Text converts only if it is a literal of the type, though DuckDB would accept more. Numbers are
rounded half away from zero. The text of a value is that of its JSON.
"""

from __future__ import annotations

from gateway.edm.types import PrimitiveType as T
from gateway.engine.functions import typed
from gateway.engine.sql import Sql, fill
from gateway.query.tree.expressions import Convert

_INTEGER = "'[-+]?[0-9]+'"
_NUMBER = r"'[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|-?INF|NaN'"
_TWO = "[0-9][0-9]"
_YEAR = f"({_TWO}[0-9][1-9]|{_TWO}[1-9]0|[0-9][1-9]00|[1-9]000)"
"""There is no year 0, though DuckDB has one."""
_DAY = f"{_YEAR}-{_TWO}-{_TWO}"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_DATE = f"'{_DAY}'"
_INSTANT = f"'{_DAY}T{_CLOCK}Z?'"
_HEX = "[0-9A-Fa-f]"
_GUID = f"'{_HEX}{{8,8}}(-{_HEX}{{4,4}}){{3,3}}-{_HEX}{{12,12}}'"
_WITH_OFFSET = f"'{_DAY}T{_CLOCK}[-+]([01][0-9]|2[0-3]):[0-5][0-9]'"
_MINUTES = (
    "(CAST({0}[-5:-4] AS BIGINT) * 60 + CAST({0}[-2:] AS BIGINT))"
    " * CASE WHEN {0}[-6:-6] = '-' THEN 60000000 ELSE -60000000 END"
)
_SHIFTED = f"make_timestamp(epoch_us(TRY_CAST({{0}}[:-7] AS TIMESTAMP)) + {_MINUTES})"
_TO: dict[tuple[T, T], str] = {
    (T.STRING, T.INT32): f"CASE WHEN regexp_full_match({{0}}, {_INTEGER})"
    " THEN TRY_CAST({0} AS INTEGER) END",
    (T.STRING, T.INT64): f"CASE WHEN regexp_full_match({{0}}, {_INTEGER})"
    " THEN TRY_CAST({0} AS BIGINT) END",
    (T.STRING, T.DOUBLE): f"CASE WHEN regexp_full_match({{0}}, {_NUMBER})"
    " THEN TRY_CAST({0} AS DOUBLE) END",
    (T.STRING, T.BOOLEAN): "CASE lower({0}) WHEN 'true' THEN true WHEN 'false' THEN false END",
    (T.STRING, T.DATE): f"CASE WHEN regexp_full_match({{0}}, {_DATE})"
    " THEN TRY_CAST({0} AS DATE) END",
    (T.STRING, T.DATE_TIME_OFFSET): f"CASE WHEN regexp_full_match({{0}}, {_INSTANT})"
    " THEN TRY_CAST({0} AS TIMESTAMP)"
    f" WHEN regexp_full_match({{0}}, {_WITH_OFFSET})"
    f" THEN CASE WHEN year({_SHIFTED}) BETWEEN 1 AND 9999 THEN {_SHIFTED} END END",
    (T.STRING, T.GUID): f"CASE WHEN regexp_full_match({{0}}, {_GUID})"
    " THEN TRY_CAST({0} AS UUID) END",
    (T.DOUBLE, T.STRING): "CASE WHEN isnan({0}) THEN 'NaN' WHEN isinf({0}) THEN"
    " CASE WHEN {0} > 0 THEN 'INF' ELSE '-INF' END ELSE CAST(to_json({0}) AS VARCHAR) END",
    (T.DATE_TIME_OFFSET, T.DATE): "CAST({0} AS DATE)",
    (T.DATE_TIME_OFFSET, T.TIME_OF_DAY): "CAST({0} AS TIME)",
    (T.DATE_TIME_OFFSET, T.STRING): "instant",
}
_ROUNDED = {T.INT32: "TRY_CAST(round({0}) AS INTEGER)", T.INT64: "TRY_CAST(round({0}) AS BIGINT)"}
_WHOLE = {T.INT32: "TRY_CAST({0} AS INTEGER)", T.INT64: "{0}"}
_PLAIN = {T.DOUBLE: "CAST({0} AS DOUBLE)", T.STRING: "CAST({0} AS VARCHAR)"}


def conversion(expr: Convert, operand: Sql) -> Sql:
    """Return the SQL of a `cast`; `operand` is its rendered operand."""
    source = expr.operand.type
    assert source is not None  # noqa: S101 - null is not converted
    template = _TO.get((source, expr.type)) or _between_numbers(source, expr.type)
    if template == "instant":
        return fill(instant_text("{0}"), typed(operand, source))
    return fill(template, typed(operand, source))


def _between_numbers(source: T, target: T) -> str:
    if target is T.DECIMAL:
        return "CAST({0} AS DECIMAL(19, 0))"
    if target in _PLAIN:
        return _PLAIN[target]
    whole = source in (T.INT32, T.INT64)
    return (_WHOLE if whole else _ROUNDED)[target]


def instant_text(value: str) -> str:
    """Return the SQL of an instant's text: UTC with `Z` and the shortest of 0, 3 or 6 digits."""
    text = f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"replace(replace({text}, '000Z', 'Z'), '.000Z', 'Z')"
