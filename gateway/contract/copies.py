"""Rules of `[[sets]]` that have a row for each result: `copy_columns = true`.

A client that partitions by DAY reloads an old partition only if its DIGEST differs. So the column
that a row's DAY is computed from must never change, and a year must have one DAY at most: of two
days in a partition, the greater digest would hide a change of the other.
"""

from __future__ import annotations

from gateway.contract import file
from gateway.contract.derived import ColumnKind
from gateway.contract.model import Column
from gateway.errors import ConfigurationProblem

LAST_YEAR = 2024
"""The last year of a DAY: all days must be in the past for every client."""
_KINDS = (ColumnKind.GUID, ColumnKind.DAY, ColumnKind.DIGEST)


def check_copies(parsed: file.ContractFile, columns: tuple[Column, ...]) -> None:
    """Check all sets of the file, including those without copies.

    Raises:
        ConfigurationProblem: with the set and the key.
    """
    for entry in parsed.sets:
        if entry.copy_columns:
            _check_set(entry, parsed, columns)
        for item in (*entry.columns, *parsed.measures):
            if ColumnKind(item.kind) in _KINDS and not entry.copy_columns:
                raise _problem(entry, item, f"kind = {item.kind!r} needs copy_columns = true")
            if ColumnKind(item.kind) is not ColumnKind.DAY and (item.first_year or item.years):
                raise _problem(entry, item, 'first_year and years are for kind = "day"')


def _check_set(
    entry: file.SetEntry, parsed: file.ContractFile, columns: tuple[Column, ...]
) -> None:
    if entry.unnest or entry.measures or entry.custom_fields:
        raise _problem(
            entry, None, "copy_columns cannot be combined with unnest, measures or custom_fields"
        )
    order = parsed.extract.order_by
    if any(column.name == order and not column.published for column in columns):
        raise _problem(entry, None, f"copy_columns needs the column {order!r} published")
    names = {column.name.lower() for column in columns if column.field_id is None}
    for item in entry.columns:
        if item.name.lower() in names:
            raise _problem(
                entry,
                item,
                "is a column of the results, which copy_columns adds already; rename it",
            )
        _check_column(entry, item, parsed.service.key)
        _check_day(entry, item, columns)


def _check_column(entry: file.SetEntry, item: file.SetColumnEntry, key: str) -> None:
    kind = ColumnKind(item.kind)
    if kind not in _KINDS:
        raise _problem(
            entry, item, f"kind = {item.kind!r}: copy_columns allows guid, day and digest only"
        )
    if item.where or item.text:
        raise _problem(entry, item, f"kind = {item.kind!r} cannot have where or text")
    if kind is ColumnKind.GUID and item.of != key:
        raise _problem(entry, item, f"of must be {key!r}, so that no two rows share a Guid")
    if kind is ColumnKind.DIGEST and [item.of] != _days(entry):
        raise _problem(entry, item, 'of must name the only column of kind = "day"')


def _check_day(
    entry: file.SetEntry, item: file.SetColumnEntry, columns: tuple[Column, ...]
) -> None:
    if ColumnKind(item.kind) is not ColumnKind.DAY:
        return
    if item.first_year is None or item.years is None:
        raise _problem(entry, item, 'kind = "day" needs first_year and years')
    if item.first_year + item.years - 1 > LAST_YEAR:
        raise _problem(entry, item, f"first_year and years reach beyond {LAST_YEAR}")
    if len(_days(entry)) > 1:
        raise _problem(entry, item, 'a set may have only one column of kind = "day"')
    base = next((column.prop for column in columns if column.name == item.of), None)
    if base is not None and base.collection:
        raise _problem(entry, item, f"of = {item.of!r} must be a single value")


def _days(entry: file.SetEntry) -> list[str]:
    return [item.name for item in entry.columns if ColumnKind(item.kind) is ColumnKind.DAY]


def _problem(
    entry: file.SetEntry, item: file.SetColumnEntry | None, remedy: str
) -> ConfigurationProblem:
    place = "" if item is None else f" column {item.name!r}:"
    return ConfigurationProblem(f"contract file: [[sets]] {entry.name!r}:{place} {remedy}")
