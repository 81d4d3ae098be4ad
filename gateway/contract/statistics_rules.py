"""`[statistics]` of a contract file -> `Statistic`s, with checks of each table."""

from __future__ import annotations

from gateway.contract import file
from gateway.contract.model import Column
from gateway.contract.statistics import Measure, Statistic
from gateway.edm.model import Property
from gateway.errors import ConfigurationProblem


def build_statistics(
    entries: dict[str, file.StatisticEntry], columns: tuple[Column, ...]
) -> tuple[Statistic, ...]:
    """Return all members in the order of the file; without any, statistics are never requested.

    Raises:
        ConfigurationProblem: with the table and key.
    """
    properties = {column.name: column.prop for column in columns if column.field_id is None}
    found = tuple(_statistic(name, entry) for name, entry in entries.items())
    for statistic in found:
        _check_column(statistic, properties)
    _check_different(found)
    if found and not any(s.measure is Measure.ROWS and s.exact for s in found):
        raise ConfigurationProblem(
            'contract file: [statistics] needs a table with kind = "rows" and exact = true, with'
            " which the others are compared"
        )
    return found


def _statistic(name: str, entry: file.StatisticEntry) -> Statistic:
    member = tuple(entry.member.split("."))
    return Statistic(name, member, Measure(entry.kind), entry.column, entry.exact)


def _check_column(statistic: Statistic, properties: dict[str, Property]) -> None:
    if statistic.measure is Measure.ROWS:
        if statistic.column:
            raise _problem(statistic, "counts rows, not a column; remove `column`")
        return
    prop = properties.get(statistic.column)
    if prop is None or prop.collection:
        raise _problem(statistic, "must name one of [[columns]] that has a single value")
    match statistic.measure:
        case Measure.VALUES if not prop.known_values:
            raise _problem(statistic, "must name a column with `values`")
        case Measure.AVERAGE if not prop.type.is_numeric:
            raise _problem(statistic, "must name a column of numbers")
        case Measure.AVERAGE if statistic.exact:
            raise _problem(
                statistic, "has an average, which may be rounded: set exact = false in this table"
            )


def _check_different(statistics: tuple[Statistic, ...]) -> None:
    """Refuse two tables with the same member or the same meaning."""
    for number, statistic in enumerate(statistics):
        for other in statistics[:number]:
            shorter = min(len(statistic.member), len(other.member))
            same_place = statistic.member[:shorter] == other.member[:shorter]
            same_meaning = (statistic.measure, statistic.column) == (other.measure, other.column)
            if same_place or same_meaning:
                raise ConfigurationProblem(
                    f"contract file: [statistics.{other.name}] and [statistics.{statistic.name}]"
                    " have the same member or the same meaning; remove one"
                )


def _problem(statistic: Statistic, remedy: str) -> ConfigurationProblem:
    place = f"[statistics.{statistic.name}] column"
    return ConfigurationProblem(f"contract file: {place} = {statistic.column!r} {remedy}")
