"""Figures -> `$apply` of queries on the results that any client can send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.figures.definitions import Figure, Terms

_TERMS = ("required", "enrolled", "met")


def totals(figures: Sequence[Figure], terms: Terms, where: str = "") -> str:
    """Return $apply with the numbers of all figures in one row.

    Column `NAME` is what a figure counts, `NAMEOf` of how many; `results` counts all rows.
    """
    return f"{_prepared(figures, terms, where)}/{_sums(figures)}"


def grouped(
    figures: Sequence[Figure], terms: Terms, columns: Sequence[str], where: str = ""
) -> str:
    """Return $apply with a row for each value of some columns."""
    by = f"groupby(({','.join(columns)}),{_sums(figures)})"
    return f"{_prepared(figures, terms, where)}/{by}"


def people(terms: Terms, where: str = "") -> str:
    """Return $apply that counts people: `people` with a required result, `compliant` of them.

    A person is compliant if all required results are met.
    """
    chosen = _all_of(terms.required, "userId ne null", where)
    met = f"compute(case({terms.met}:1,true:0) as met)"
    each = "groupby((userId),aggregate($count as required,met with sum as met))"
    whole = "compute(case(met eq required:1,true:0) as compliant)"
    total = "aggregate($count as people,compliant with sum as compliant)"
    return f"filter({chosen})/{met}/{each}/{whole}/{total}"


def rows_condition(figure: Figure, terms: Terms, where: str = "") -> str:
    """Return the condition of the rows that a figure counts."""
    return _all_of(terms.condition(figure.counts), where)


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
        yield _flag(terms.condition(figure.counts, short=True), figure.name)
        if figure.of:
            yield _flag(terms.condition(figure.of, short=True), f"{figure.name}Of")


def _flag(condition: str, name: str) -> str:
    return f"case({condition}:1,true:0) as {name}"


def _sums(figures: Iterable[Figure]) -> str:
    names = [name for figure in figures for name in _names(figure)]
    return f"aggregate({','.join(['$count as results', *(f'{n} with sum as {n}' for n in names)])})"


def _names(figure: Figure) -> tuple[str, ...]:
    return (figure.name, f"{figure.name}Of") if figure.of else (figure.name,)


def _all_of(*conditions: str) -> str:
    chosen = [condition for condition in conditions if condition]
    return " and ".join(f"({each})" if len(chosen) > 1 else each for each in chosen)
