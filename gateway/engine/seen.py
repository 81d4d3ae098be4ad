"""What a role sees of the results of a snapshot: a FROM item in the place of their table.

All that is read or made for the role is read from it, so that nothing in a question can get around
it: what is hidden has no name there. Rows are not copied. Kept is only which they are, numbered
anew in their order, so that a page deep in the feed costs what the first does.
"""

from __future__ import annotations

from gateway.engine.compile import compile_filter
from gateway.engine.sql import Sql, fill, quote
from gateway.query.bound import BoundExpr
from gateway.query.transformations import POSITION

_POSITION = quote(POSITION.name)
_PLACE, _SALT = '"$place"', '"$salt"'
_DIGITS = 16


def compile_seen(rule: BoundExpr, rows: str) -> Sql:
    """A SELECT of the positions of the rows that the rule lets through, and their new numbers."""
    numbered = f"row_number() OVER (ORDER BY r.{_POSITION}) - 1"
    text = (
        f"SELECT r.{_POSITION} AS {_PLACE}, {numbered} AS {_POSITION} FROM {rows} AS r"  # noqa: S608 - no value is spliced
        f" WHERE {{0}} ORDER BY r.{_POSITION}"
    )
    return fill(text, compile_filter(rule))


def compile_salt(salt: str) -> Sql:
    """A SELECT of the secret that digests are made with: no text of a question ever has it."""
    return Sql(f"SELECT ? AS {_SALT}", (salt,))


def rows_seen(
    columns: tuple[str, ...], masked: frozenset[str], rows: str, seen: str | None, salt: str | None
) -> str:
    """The FROM item; `seen` names the table of `compile_seen`, None where all rows are seen.

    The digest of null is null.
    """
    digest = f"left(sha256((SELECT {_SALT} FROM {salt}) || r.{{0}}), {_DIGITS}) AS {{0}}"  # noqa: S608 - as above
    shown = ", ".join(
        digest.format(quote(name)) if name in masked else f"r.{quote(name)}" for name in columns
    )
    if seen is None:
        return f"(SELECT {shown}, r.{_POSITION} FROM {rows} AS r)"  # noqa: S608 - as above
    joined = f"{rows} AS r JOIN {seen} AS s ON s.{_PLACE} = r.{_POSITION}"
    return f"(SELECT {shown}, s.{_POSITION} FROM {joined})"  # noqa: S608 - as above
