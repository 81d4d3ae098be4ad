"""Rows of sets that have one for each result: read from the results' own table, never copied.

Only values that many rows share are stored: the day of each value that a DAY is made from, and the
DIGEST of all results of that day. MD5 assigns values to days, and hashes rows for a digest: it is
the same in all processes and versions, unlike DuckDB's own hash. Results without the value that a
DAY is made from share the day of the empty text.
"""

from __future__ import annotations

from gateway.contract.derived import ColumnKind
from gateway.engine.sql import Sql, quote
from gateway.query.bind.derivation import BoundColumn, Derivation
from gateway.query.tree.transformations import POSITION

_VALUE, _DAY, _DIGEST = '"$value"', '"$day"', '"$digest"'
_FIRST_INSTANT_MILLISECONDS = 946_684_800_000
"""2000-01-01, in milliseconds since 1970."""
DISTINCT_DIGESTS = 8_000_000_000_000
"""The number of possible digests: instants in whole milliseconds, because some clients truncate
finer ones; the last is in 2253, because nanoseconds in 64 bits end in 2262."""


def compile_days(derivation: Derivation, rows: str) -> Sql:
    """Return a SELECT of each value that the DAY is made from, with its day and digest.

    The digest is made from the sum of all rows' hashes and their number, so it does not depend on
    their order. Two different states have the same digest once in DISTINCT_DIGESTS.
    """
    [day] = derivation.of_kind(ColumnKind.DAY)
    value = f"r.{quote(day.of)}"
    copies = derivation.of_kind(ColumnKind.SAME)
    row = ", ".join(f"{quote(c.prop.name)} := r.{quote(c.of)}" for c in copies)
    per_value = (
        f"SELECT {value} AS {_VALUE}, md5_number_lower(coalesce({value}, '')) % ?::UBIGINT AS n,"  # noqa: S608 - no value is spliced
        f" sum(md5_number_lower(CAST(to_json(struct_pack({row})) AS VARCHAR))) AS s,"
        f" count(*) AS c FROM {rows} AS r GROUP BY {value}"
    )
    digest = "md5_number_lower(concat_ws(' ', sum(s) OVER day, sum(c) OVER day)) % ?::UBIGINT"
    text = (
        f"SELECT {_VALUE}, make_timestamp(? + n::BIGINT, 7, 1, 0, 0, 0) AS {_DAY},"  # noqa: S608 - as above
        f" make_timestamp((? + ({digest})::BIGINT) * 1000) AS {_DIGEST}"
        f" FROM ({per_value}) WINDOW day AS (PARTITION BY n)"
    )
    return Sql(
        text, (day.years.start, _FIRST_INSTANT_MILLISECONDS, DISTINCT_DIGESTS, len(day.years))
    )


def rows_of_copies(derivation: Derivation, rows: str, days: str | None) -> str:
    """Return the FROM item of the set's rows, numbered like the results; `days` is that table."""
    columns = ", ".join(_shown(column) for column in derivation.columns)
    joined = ""
    if days is not None:
        [day] = derivation.of_kind(ColumnKind.DAY)
        joined = f" JOIN {days} AS d ON d.{_VALUE} IS NOT DISTINCT FROM r.{quote(day.of)}"
    position = quote(POSITION.name)
    return f"(SELECT {columns}, r.{position} AS {position} FROM {rows} AS r{joined})"  # noqa: S608 - as above


def _shown(column: BoundColumn) -> str:
    value = f"r.{quote(column.of)}"
    match column.kind:
        case ColumnKind.GUID:
            value = f"CAST(md5({value}) AS UUID)"
        case ColumnKind.DAY:
            value = f"d.{_DAY}"
        case ColumnKind.DIGEST:
            value = f"d.{_DIGEST}"
    return f"{value} AS {quote(column.prop.name)}"
