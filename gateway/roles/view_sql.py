"""SQL of a role's view: a FROM item that replaces the table of the results of a snapshot.

All queries of the role read from it, so that no query can bypass it: hidden columns have no name
there. Rows are not copied. A table holds only their positions, renumbered in their order, so that
a page deep in the feed costs as much as the first.
"""

from __future__ import annotations

from gateway.engine.compile import compile_filter
from gateway.engine.ordering import sort_keys
from gateway.engine.sql import Sql, fill, quote
from gateway.query.tree.expressions import BoundExpr, BoundOrder, ColumnRef
from gateway.query.tree.transformations import POSITION

_POSITION = quote(POSITION.name)
_PLACE, _SECRET = '"$place"', '"$salt"'  # names in snapshots on disk
_DIGEST_CHARACTERS = 16


def compile_positions(rule: BoundExpr, rows: str) -> Sql:
    """Return a SELECT of the positions of the rows that the rule allows, and their new numbers."""
    return _numbered(rule, rows, Sql(f"r.{_POSITION}"))


def compile_positions_by_digest(
    rule: BoundExpr | None, rows: str, order: tuple[BoundOrder, ...], secret: str
) -> Sql:
    """Return the SELECT for a masked key; `order` is that of the rows and ends in the key.

    Rows of the same instant are numbered by the digests: the order of the true keys would reveal
    something about them, and would differ from every order of the role that ends in the key.
    """
    *before, key = order
    assert isinstance(key.expr, ColumnRef)  # noqa: S101 - the order ends in the key
    digest = _digest(key.prop.name, secret)
    return _numbered(rule, rows, fill(f"{{0}}, {digest}", sort_keys(tuple(before))))


def _numbered(rule: BoundExpr | None, rows: str, order: Sql) -> Sql:
    text = (
        f"SELECT r.{_POSITION} AS {_PLACE}, row_number() OVER (ORDER BY {{0}}) - 1 AS {_POSITION}"  # noqa: S608 - no value is spliced
        f" FROM {rows} AS r WHERE {{1}} ORDER BY 2"
    )
    return fill(text, order, compile_filter(rule))


def compile_mask_secret(secret: str) -> Sql:
    """Return a SELECT of the secret of digests, which is never part of the text of a query."""
    return Sql(f"SELECT ? AS {_SECRET}", (secret,))


def visible_rows(
    columns: tuple[str, ...],
    masked: frozenset[str],
    rows: str,
    positions: str | None,
    secret: str | None,
) -> str:
    """Return the FROM item; `positions` names the table of `compile_positions`, None for all rows.

    The digest of null is null.
    """
    shown = ", ".join(
        f"{_digest(name, secret)} AS {quote(name)}"
        if secret is not None and name in masked
        else f"r.{quote(name)}"
        for name in columns
    )
    if positions is None:
        return f"(SELECT {shown}, r.{_POSITION} FROM {rows} AS r)"  # noqa: S608 - as above
    joined = f"{rows} AS r JOIN {positions} AS s ON s.{_PLACE} = r.{_POSITION}"
    return f"(SELECT {shown}, s.{_POSITION} FROM {joined})"  # noqa: S608 - as above


def _digest(name: str, secret: str) -> str:
    """Return the SQL of the digest of a column of a row `r`."""
    return (
        f"left(sha256((SELECT {_SECRET} FROM {secret}) || r.{quote(name)}), {_DIGEST_CHARACTERS})"  # noqa: S608 - as above
    )
