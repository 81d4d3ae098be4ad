"""Checks that the statistics fit their request.

As for pages (`gateway.analytics.read.validate`), they find what the response itself can show,
because the upstream is likely to ignore a filter that it does not understand.
"""

from __future__ import annotations

from gateway.analytics.read.statistics import Counts, Figures
from gateway.contract.model import Contract
from gateway.contract.statistics import Measure, Statistic
from gateway.edm.model import Property
from gateway.errors import UpstreamBrokeContract
from gateway.planner.pushdown import Pushdown, PushedValues


def check_values(pushdown: Pushdown, figures: Figures, contract: Contract) -> None:
    """Compare the values and their number with the request.

    Raises:
        UpstreamBrokeContract: names the table of the contract file to correct.
    """
    wanted = {term.column: term.values for term in pushdown.terms if isinstance(term, PushedValues)}
    for statistic, counts in figures.counts.items():
        prop = contract.column(statistic.column).prop
        _check_enumeration(statistic, counts, prop)
        if not set(counts) <= set(wanted.get(statistic.column, counts)):
            raise _ignored(statistic)
    for statistic, number in figures.numbers.items():
        distinct = statistic.measure is Measure.DISTINCT and statistic.column in wanted
        if distinct and number > len(wanted[statistic.column]):
            raise _ignored(statistic)


def check_sums(figures: Figures, contract: Contract) -> None:
    """Compare the numbers with each other; after a change during the call, a retry helps.

    Raises:
        UpstreamBrokeContract: names the tables of the contract file to correct.
    """
    rows = figures.rows
    for statistic, counts in figures.counts.items():
        prop = contract.column(statistic.column).prop
        counted = sum(counts.values())
        if counted > rows or (counted < rows and not prop.nullable):
            raise _contradiction(statistic, counted, rows)
    for statistic, number in figures.numbers.items():
        known = None if not statistic.column else contract.column(statistic.column).prop
        if known is not None and not _fits(statistic.measure, number, rows, known):
            raise _contradiction(statistic, number, rows)


def _fits(measure: Measure, number: int, rows: int, prop: Property) -> bool:
    """Return True if the number is possible for so many rows and the column's nullability."""
    match measure:
        case Measure.DISTINCT:
            least = 0 if prop.nullable or not rows else 1
            return least <= number <= rows
        case Measure.NOT_NULL:
            return number <= rows if prop.nullable else number == rows
        case _:
            return True


def _check_enumeration(statistic: Statistic, counts: Counts, prop: Property) -> None:
    for value in counts:
        if prop.allowed_values and value not in prop.allowed_values:
            raise UpstreamBrokeContract(
                f"the Analytics API's statistics count a value of {prop.name} that the contract"
                f" file does not list; add it to `values` of the column {prop.name}"
                " (`skillhabit-odata check` shows it)"
            )


def _ignored(statistic: Statistic) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the gateway requested some values of {statistic.column} and the Analytics API's"
        f" statistics count others; correct [statistics.{statistic.name}] or the column's filter in"
        " the contract file"
    )


def _contradiction(statistic: Statistic, number: int, rows: int) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the Analytics API's statistics give {number} in {'.'.join(statistic.member)} for {rows}"
        f" rows; correct [statistics.{statistic.name}] in the contract file, or take it out"
    )
