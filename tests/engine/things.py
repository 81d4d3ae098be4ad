"""A model with one property of every kind, and one row of it with the values that are traps."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.engine.run import Relation, count_rows
from gateway.query.tree.expressions import BoundExpr
from tests.query.asking import bound

KEY = Property("id", PrimitiveType.STRING, nullable=False)
SCHEMA = Schema(
    "Test",
    "Container",
    (
        EntitySet(
            "Results",
            EntityType(
                "Thing",
                ("id",),
                (
                    KEY,
                    Property("text", PrimitiveType.STRING),
                    Property("none", PrimitiveType.STRING),
                    Property("five", PrimitiveType.INT32),
                    Property("most", PrimitiveType.INT64),
                    Property("least", PrimitiveType.INT64),
                    Property("zero", PrimitiveType.INT64),
                    Property("half", PrimitiveType.DOUBLE),
                    Property("nought", PrimitiveType.DOUBLE),
                    Property("nil", PrimitiveType.DOUBLE),
                    Property("yes", PrimitiveType.BOOLEAN),
                    Property("at", PrimitiveType.DATE_TIME_OFFSET),
                    Property("old", PrimitiveType.DATE_TIME_OFFSET),
                    Property("last", PrimitiveType.DATE_TIME_OFFSET),
                    Property("never", PrimitiveType.DATE_TIME_OFFSET),
                    Property("name", PrimitiveType.GUID),
                    Property("words", PrimitiveType.STRING, collection=True),
                ),
            ),
        ),
    ),
)


def one_row(connection: DuckDBPyConnection) -> Relation:
    """old is before 1970, last is the last microsecond of the year 9999."""
    connection.execute(
        """CREATE TABLE t AS SELECT 'k' AS id, 'aÖ😀 b' AS text, NULL::VARCHAR AS "none",
             5::INTEGER AS five, 9223372036854775807 AS most,
             (-9223372036854775808)::BIGINT AS least, 0::BIGINT AS zero,
             2.5::DOUBLE AS half, 0::DOUBLE AS nought, NULL::DOUBLE AS nil, true AS yes,
             TIMESTAMP '2024-02-29 23:59:58.0015' AS "at",
             TIMESTAMP '1969-12-31 23:59:59.999' AS old,
             TIMESTAMP '9999-12-31 23:59:59.999999' AS last,
             NULL::TIMESTAMP AS never, '3f2504e0-4f89-11d3-9a0c-0305e82c3301'::UUID AS name,
             ['A', ' b'] AS words"""
    )
    return Relation(connection, "t")


def condition(filter_: str) -> BoundExpr:
    """A $filter, in which `@a` is an instant in another offset than UTC."""
    query = bound(f"$filter={filter_}&@a=@b&@b=2024-01-01T00:30+01:00", schema=SCHEMA)
    assert query.filter is not None
    return query.filter


def holds(relation: Relation, filter_: str) -> bool:
    """Whether the row passes."""
    return count_rows(relation, condition(filter_)) == 1
