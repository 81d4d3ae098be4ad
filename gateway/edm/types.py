"""The primitive types of the Entity Data Model (CSDL 3.3) that the service uses."""

from __future__ import annotations

from enum import StrEnum


class PrimitiveType(StrEnum):
    """A primitive type; its value is the qualified name. Contract columns use the first seven.

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
        """True for numbers, which compare by promotion (URL Conventions 5.1.1.1.11)."""
        return self in _NUMERIC

    def comparable_with(self, other: PrimitiveType) -> bool:
        """Return True for equal types or two numbers: OData converts nothing else silently."""
        return self is other or (self.is_numeric and other.is_numeric)


_NUMERIC = frozenset(
    {PrimitiveType.INT32, PrimitiveType.INT64, PrimitiveType.DOUBLE, PrimitiveType.DECIMAL}
)
