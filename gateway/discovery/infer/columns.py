"""Sample rows -> columns of a contract file, with evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.contract import file
from gateway.discovery.infer.found import Inferred, Key, Row


def infer_columns(
    rows: Sequence[Row],
    *,
    usual: file.ContractFile,
    claims: Mapping[str, str] | None = None,
    pages: Sequence[Sequence[int]] = (),
) -> Inferred:
    """Return the columns that rows have.

    Args:
        rows: sample rows, as `profile.merge_pages` returns them.
        usual: the shipped contract, whose columns are looked for.
        claims: paths that a description or an example names, by column.
        pages: the numbers of the rows of each page; without, all rows are one page.
    """
    return Inferred(len(rows), (), Key("none", ""), missing=tuple(c.name for c in usual.columns))
