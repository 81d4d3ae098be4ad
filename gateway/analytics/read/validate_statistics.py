"""Do the statistics answer the question that was asked?

As for pages (`gateway.analytics.read.validate`): what can be seen in the answer itself is looked at
here, because a filter that was not understood is likely to be ignored.
"""

from __future__ import annotations

from gateway.analytics.read.statistics import Counts, Figures
from gateway.contract.model import Contract
from gateway.contract.statistics import Measure, Statistic
from gateway.edm.model import Property
from gateway.errors import UpstreamBrokeContract
from gateway.planner.pushdown import Pushdown, PushedValues


def check_values(pushdown: Pushdown, figures: Figures, contract: Contract) -> None:
    """Compare the values and how many there are with what was asked for.

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
    """Compare the numbers with each other; they may be of two moments, then they fit next time.

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
    """Whether so many rows can have it, of a column that is always or sometimes there."""
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
        f"the Analytics API was asked for some values of {statistic.column} and its statistics"
        f" count others; correct [statistics.{statistic.name}] or the column's filter in the"
        " contract file"
    )


def _contradiction(statistic: Statistic, number: int, rows: int) -> UpstreamBrokeContract:
    return UpstreamBrokeContract(
        f"the Analytics API's statistics tell {number} in {'.'.join(statistic.member)} of {rows}"
        f" rows; correct [statistics.{statistic.name}] in the contract file, or take it out"
    )
