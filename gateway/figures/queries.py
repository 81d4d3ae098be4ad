"""Figures -> `$apply` of queries on the results that any client can send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.figures.definitions import TIME_TO_COMPLETE, Figure
from gateway.figures.terms import Terms, all_of

_TERMS = ("required", "enrolled", "met")
_IS_PERSON = "userId ne null"
DAYS = "floor(totalseconds(completedAt sub startedAt) div 86400)"
"""The whole days from the start of a result to its completion."""


def totals(figures: Sequence[Figure], terms: Terms, where: str = "") -> str:
    """Return $apply with the numbers of all figures in one row.

    Column `NAME` is what a figure counts, `NAMEOf` of how many, `NAMEMean` the mean of its column;
    `results` counts all rows.
    """
    return f"{_prepared(figures, terms, where)}/{_sums(figures)}"


def grouped(
    figures: Sequence[Figure], terms: Terms, columns: Sequence[str], where: str = ""
) -> str:
    """Return $apply with a row for each value of some columns."""
    by = f"groupby(({','.join(columns)}),{_sums(figures)})"
    return f"{_prepared(figures, terms, where)}/{by}"


def people(figures: Sequence[Figure], terms: Terms, where: str = "") -> str:
    """Return $apply with the numbers of the figures that count people, as `totals` names them.

    `results` counts all people.
    """
    marks = ",".join(mark for figure in figures for mark in _marks(figure))
    sums = [f"{name} with sum as {name}" for figure in figures for name in _names(figure)]
    total = f"aggregate($count as results,{','.join(sums)})"
    return f"{_by_person(figures, terms, where)}/compute({marks})/{total}"


def people_behind(
    figure: Figure, terms: Terms, columns: Sequence[str] = (), where: str = ""
) -> str:
    """Return $apply with a row for each person that a figure counts, and some of their columns.

    `results` counts those that meet `counts`, `ofResults` those that meet `of`.
    """
    names = {figure.name: "results", f"{figure.name}Of": "ofResults"}
    newest = [f"{name} with max as {name}" for name in columns]
    sums = [f"{name} with sum as {names[name]}" for name in _names(figure)]
    prepared = _prepared([figure], terms, all_of(_IS_PERSON, where))
    each = f"groupby((userId),aggregate({','.join([*newest, *sums])}))"
    return f"{prepared}/{each}/filter({_has(figure, 'results', 'ofResults')})"


def rows_condition(figure: Figure, terms: Terms, where: str = "") -> str:
    """Return the condition of the rows that a figure counts."""
    return all_of(terms.counts(figure), where)


def days_to_complete(terms: Terms, where: str = "") -> str:
    """Return $apply with the number of results for each number of whole days.

    OData has no median; see `gateway.figures.spread`.
    """
    chosen = rows_condition(TIME_TO_COMPLETE, terms, where)
    return f"filter({chosen})/compute({DAYS} as days)/groupby((days),aggregate($count as results))"


def _by_person(figures: Sequence[Figure], terms: Terms, where: str) -> str:
    """Return the steps to a row for each person, with the number of results of each figure."""
    sums = [f"{name} with sum as {name}Results" for f in figures for name in _names(f)]
    prepared = _prepared(figures, terms, all_of(_IS_PERSON, where))
    return f"{prepared}/groupby((userId),aggregate({','.join(sums)}))"


def _marks(figure: Figure) -> Iterable[str]:
    name = figure.name
    yield _flag(_has(figure, f"{name}Results", f"{name}OfResults"), name)
    if figure.of:
        yield _flag(f"{name}OfResults gt 0", f"{name}Of")


def _has(figure: Figure, results: str, of: str) -> str:
    """Return the condition of a person that a figure counts, given the sums of the results."""
    return f"{results} gt 0 and {results} eq {of}" if figure.people == "all" else f"{results} gt 0"


def _prepared(figures: Sequence[Figure], terms: Terms, where: str) -> str:
    """Return the steps that give each row a 1 or a 0 for each figure."""
    start = f"filter({where})/" if where else ""
    needed = [t for t in _TERMS if any(f"{{{t}}}" in f.counts + f.of for f in figures)]
    flags = ",".join(_flag(getattr(terms, term), term) for term in needed)
    computed = ",".join(_flags(figures, terms))
    return (
        f"{start}compute({flags})/compute({computed})" if flags else f"{start}compute({computed})"
    )


def _flags(figures: Iterable[Figure], terms: Terms) -> Iterable[str]:
    for figure in figures:
        yield _flag(terms.counts(figure, short=True), figure.name)
        if figure.of:
            yield _flag(terms.of_all(figure, short=True), f"{figure.name}Of")
        if figure.mean:
            chosen = terms.counts(figure, short=True)
            yield f"case({chosen}:{figure.mean},true:null) as {figure.name}Mean"


def _flag(condition: str, name: str) -> str:
    return f"case({condition}:1,true:0) as {name}"


def _sums(figures: Sequence[Figure]) -> str:
    sums = [f"{name} with sum as {name}" for figure in figures for name in _names(figure)]
    means = [f"{f.name}Mean with average as {f.name}Mean" for f in figures if f.mean]
    return f"aggregate({','.join(['$count as results', *sums, *means])})"


def _names(figure: Figure) -> tuple[str, ...]:
    return (figure.name, f"{figure.name}Of") if figure.of else (figure.name,)
