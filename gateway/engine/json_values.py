"""The JSON of one computed value, by its type (OData JSON Format 4.01, 7.1).

Columns hold values that the Analytics API can send. Computed values can also be NaN and the
infinities, decimals, days, times and durations.
"""

from __future__ import annotations

from gateway.edm.types import PrimitiveType as T
from gateway.engine.conversions import instant_text
from gateway.engine.functions import typed
from gateway.engine.sql import Sql, fill

_LONG = (T.INT64, T.DECIMAL)
_COUNT = "abs(CAST({0} AS HUGEINT))"
_DURATION = (
    "CASE WHEN {0} < 0 THEN '-P' ELSE 'P' END || "
    f"{_COUNT} // 86400000000 || 'DT' || {_COUNT} // 3600000000 % 24 || 'H'"
    f" || {_COUNT} // 60000000 % 60 || 'M' || {_COUNT} // 1000000 % 60 || '.' ||"
    rf" regexp_replace(lpad(CAST({_COUNT} % 1000000 AS VARCHAR), 6, '0') || 'S', '0+S$', 'S')"
)
_TEMPLATES: dict[T, str] = {
    T.DOUBLE: "CASE WHEN isfinite({0}) THEN to_json({0}) WHEN isnan({0}) THEN to_json('NaN')"
    " WHEN {0} > 0 THEN to_json('INF') WHEN {0} < 0 THEN to_json('-INF') END",
    T.DATE_TIME_OFFSET: instant_text("{0}"),
    T.DURATION: f"replace({_DURATION}, '.S', 'S')",
}


def json_value(value: Sql, type_: T, *, long_as_text: bool) -> Sql:
    """Return SQL whose `to_json` is the value's JSON."""
    if type_ in _LONG and long_as_text:
        return fill("CAST({0} AS VARCHAR)", value)
    return fill(_TEMPLATES.get(type_, "{0}"), typed(value, type_))


def is_self_describing(type_: T, *, declared: bool) -> bool:
    """Return True if a JSON reader infers the type (JSON Format 4.6.3).

    By the standard this includes Double, but Microsoft's reader treats an undeclared number as a
    Decimal, whose range is smaller, and refuses it with IEEE754Compatible.
    """
    return type_ in (T.STRING, T.BOOLEAN) or (declared and type_ is T.DOUBLE)
