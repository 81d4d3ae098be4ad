"""What a role sees of the results of a snapshot: a FROM item in the place of their table.

All that is read or made for the role is read from it, so that nothing in a question can get around
it: what is hidden has no name there. Rows are not copied. Kept is only which they are, numbered
anew in their order, so that a page deep in the feed costs what the first does.
"""

from __future__ import annotations

from gateway.engine.compile import compile_filter
from gateway.engine.ordering import sort_keys
from gateway.engine.sql import Sql, fill, quote
from gateway.query.tree.expressions import BoundExpr, BoundOrder, ColumnRef
from gateway.query.tree.transformations import POSITION

_POSITION = quote(POSITION.name)
_PLACE, _SALT = '"$place"', '"$salt"'
_DIGITS = 16


def compile_seen(rule: BoundExpr, rows: str) -> Sql:
    """A SELECT of the positions of the rows that the rule lets through, and their new numbers."""
    return _numbered(rule, rows, Sql(f"r.{_POSITION}"))


def compile_seen_by_digest(
    rule: BoundExpr | None, rows: str, order: tuple[BoundOrder, ...], salt: str
) -> Sql:
    """The same where the key is masked, which `order`, that of the rows, ends in.

    Rows of the same instant are numbered by the digests: in the order of the true keys they would
    tell something of them, and differ from every order of the role's that ends in the key.
    """
    *before, key = order
    assert isinstance(key.expr, ColumnRef)  # noqa: S101 - it is the feed's own order
    digest = _digest(key.prop.name, salt)
    return _numbered(rule, rows, fill(f"{{0}}, {digest}", sort_keys(tuple(before))))


def _numbered(rule: BoundExpr | None, rows: str, order: Sql) -> Sql:
    text = (
        f"SELECT r.{_POSITION} AS {_PLACE}, row_number() OVER (ORDER BY {{0}}) - 1 AS {_POSITION}"  # noqa: S608 - no value is spliced
        f" FROM {rows} AS r WHERE {{1}} ORDER BY 2"
    )
    return fill(text, order, compile_filter(rule))


def compile_salt(salt: str) -> Sql:
    """A SELECT of the secret that digests are made with: no text of a question ever has it."""
    return Sql(f"SELECT ? AS {_SALT}", (salt,))


def rows_seen(
    columns: tuple[str, ...], masked: frozenset[str], rows: str, seen: str | None, salt: str | None
) -> str:
    """The FROM item; `seen` names the table of `compile_seen`, None where all rows are seen.

    The digest of null is null.
    """
    shown = ", ".join(
        f"{_digest(name, salt)} AS {quote(name)}"
        if salt is not None and name in masked
        else f"r.{quote(name)}"
        for name in columns
    )
    if seen is None:
        return f"(SELECT {shown}, r.{_POSITION} FROM {rows} AS r)"  # noqa: S608 - as above
    joined = f"{rows} AS r JOIN {seen} AS s ON s.{_PLACE} = r.{_POSITION}"
    return f"(SELECT {shown}, s.{_POSITION} FROM {joined})"  # noqa: S608 - as above


def _digest(name: str, salt: str) -> str:
    """The digest of a column of a row `r`."""
    return f"left(sha256((SELECT {_SALT} FROM {salt}) || r.{quote(name)}), {_DIGITS})"  # noqa: S608 - as above
