"""Primitive types of the Entity Data Model (CSDL 3.3) as far as the service uses them."""

from __future__ import annotations

from enum import StrEnum


class PrimitiveType(StrEnum):
    """The qualified name is the value. Columns of an upstream contract use the first seven.

    Python values: str, bool, int, int, float, Decimal, aware datetime in UTC (microseconds), date,
    time, timedelta, UUID.
    """

    STRING = "Edm.String"
    BOOLEAN = "Edm.Boolean"
    INT32 = "Edm.Int32"
    INT64 = "Edm.Int64"
    DOUBLE = "Edm.Double"
    DECIMAL = "Edm.Decimal"
    DATE_TIME_OFFSET = "Edm.DateTimeOffset"
    DATE = "Edm.Date"
    TIME_OF_DAY = "Edm.TimeOfDay"
    DURATION = "Edm.Duration"
    GUID = "Edm.Guid"

    @property
    def is_numeric(self) -> bool:
        """Numbers compare with each other by promotion (URL Conventions 5.1.1.1.11)."""
        return self in _NUMERIC

    def comparable_with(self, other: PrimitiveType) -> bool:
        """OData converts nothing silently: only equal types, or two numbers, compare."""
        return self is other or (self.is_numeric and other.is_numeric)


_NUMERIC = frozenset(
    {PrimitiveType.INT32, PrimitiveType.INT64, PrimitiveType.DOUBLE, PrimitiveType.DECIMAL}
)
