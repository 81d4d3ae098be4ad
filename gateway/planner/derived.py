"""What of a filter on a derived set can be asked of the upstream.

A row of the set is made of all results that have its value in the columns it is grouped by. So a
condition on such a column may be asked of the results themselves: each row is still made of all of
its results. Conditions on what is counted or taken from one result cannot.
"""

from __future__ import annotations

from gateway.contract.derived import ColumnKind, DerivedSet
from gateway.contract.model import Contract
from gateway.planner.analysis import Analysis, Term, analyse
from gateway.planner.pushdown import SplitFilter, push_superset
from gateway.query.tree.expressions import BoundExpr


def split_derived(
    filter_: BoundExpr | None, derived: DerivedSet, contract: Contract
) -> SplitFilter:
    """What narrows the extract; the whole filter is checked on the rows that are made of it."""
    if filter_ is None:
        return SplitFilter()
    analysis = analyse(filter_)
    if analysis.impossible:
        return SplitFilter(residual=filter_, impossible=True)
    sets = tuple(
        (_term_of_results(column.of, derived), values)
        for term, values in analysis.sets
        if (column := derived.find(term.column)) is not None and column.kind is ColumnKind.GROUP
    )
    return SplitFilter(push_superset(Analysis(sets), contract), residual=filter_)


def _term_of_results(name: str, derived: DerivedSet) -> Term:
    """Of a collection that was taken apart, some element has the value."""
    return Term(name, quantified=name in derived.unnest)
