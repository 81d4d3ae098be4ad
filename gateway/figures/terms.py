"""Figures -> conditions of OData, for one snapshot and one period."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.edm.model import EntityType
from gateway.figures.definitions import BY_STATE, DUE, FIGURES, VALIDITY, Figure
from gateway.figures.period import Period
from gateway.observe.instants import instant_text

_MET = "{enrolled} and state eq 'APPROVED'"
_VALID = (
    "{enrolled} and (state eq 'APPROVED' and (expiryDate eq null or expiryDate gt {now})"
    " or certificateIssuedAt ne null and expiryDate gt {now})"
)
"""A valid certificate counts, whatever the state: a course opens again before it ends."""
_ENROLLED = "enrollmentType in ('MANDATORY','OPTIONAL')"
_REQUIRED = "enrollmentType eq 'MANDATORY'"
_AGO, _AHEAD = (7, 30), (30, 60, 90)
_WORD = re.compile(r"'[^']*'|[A-Za-z_]\w*")
_COMPARED = re.compile(r"(\w+) (?:eq|in) ('[^']*'|\([^)]*\))")
_TEXT = re.compile(r"'([^']*)'")
_NO_PERIOD = Period()


@dataclass(frozen=True, slots=True)
class Terms:
    """The values of the placeholders for one snapshot.

    `met` is approved and valid; without an end of validity, approved. Where nothing shows the
    meaning of the expiry date, it counts as the end of validity.
    """

    required: str
    enrolled: str
    met: str
    moments: dict[str, str]
    period: Period = _NO_PERIOD

    @classmethod
    def of(
        cls, meaning: str, now: datetime, columns: frozenset[str], period: Period = _NO_PERIOD
    ) -> Terms:
        """Return the terms; `now` is aware, UTC, `columns` are those of the results."""
        moments = {"now": _instant(now)}
        moments |= {f"ago{days}": _instant(now - timedelta(days=days)) for days in _AGO}
        moments |= {f"in{days}": _instant(now + timedelta(days=days)) for days in _AHEAD}
        has_validity = meaning != DUE and {"expiryDate", "certificateIssuedAt"} <= columns
        met = (_VALID if has_validity else _MET).format(enrolled=_ENROLLED, **moments)
        return cls(_REQUIRED, _ENROLLED, met, moments, period)

    def counts(self, figure: Figure, *, short: bool = False) -> str:
        """Return the condition of what a figure counts, in the period if it has a date.

        `short` uses the computed columns `required`, `enrolled` and `met` instead of their terms.
        """
        return self._limited(figure, figure.counts, short=short)

    def of_all(self, figure: Figure, *, short: bool = False) -> str:
        """Return the condition of those that a figure is a part of; empty for all rows."""
        return self._limited(figure, figure.of, short=short) if figure.of else ""

    def _limited(self, figure: Figure, text: str, *, short: bool) -> str:
        is_limited = bool(figure.dated and self.period)
        limit = self.period.condition(figure.dated) if is_limited else figure.usual
        return all_of(self._condition(text, short=short), self._condition(limit, short=short))

    def _condition(self, text: str, *, short: bool) -> str:
        words = {"required": self.required, "enrolled": self.enrolled, "met": self.met}
        if short:
            return text.format(**{name: f"{name} eq 1" for name in words}, **self.moments)
        return text.format(**{name: f"({each})" for name, each in words.items()}, **self.moments)


def figures_of(
    results: EntityType,
    meaning: str,
    period: Period = _NO_PERIOD,
    figures: Iterable[Figure] = FIGURES,
) -> tuple[Figure, ...]:
    """Return the figures that these results have columns for, and a known meaning of the date."""
    columns = frozenset(prop.name for prop in results.properties)
    meanings = {BY_STATE: (DUE, VALIDITY), DUE: (DUE,)}.get(meaning, (VALIDITY,))
    return tuple(
        figure
        for figure in figures
        if (not figure.needs or figure.needs in meanings)
        and (period or not figure.in_period)
        and columns_of(figure) <= columns
    )


def columns_of(figure: Figure) -> frozenset[str]:
    """Return the columns of the results that a figure needs.

    >>> sorted(columns_of(FIGURES[0]))
    ['enrollmentType', 'state']
    """
    text = _text_of(figure)
    words = {word for word in _WORD.findall(re.sub(r"\{\w+\}", "", text)) if word[0] != "'"}
    operators = {"and", "or", "not", "eq", "ne", "le", "lt", "gt", "ge", "in", "null"}
    return frozenset(words - operators) | ({"userId"} if figure.people else frozenset())


def values_of(figure: Figure) -> frozenset[tuple[str, str]]:
    """Return the texts that a figure compares columns of the results with.

    >>> sorted(values_of(FIGURES[0]))
    [('enrollmentType', 'MANDATORY'), ('enrollmentType', 'OPTIONAL'), ('state', 'APPROVED')]
    """
    found = ((column, texts) for column, texts in _COMPARED.findall(_text_of(figure)))
    return frozenset((column, text) for column, texts in found for text in _TEXT.findall(texts))


def _text_of(figure: Figure) -> str:
    text = f"{figure.counts} {figure.of} {figure.usual} {figure.dated} {figure.mean}"
    for name, term in (("met", _MET), ("enrolled", _ENROLLED), ("required", _REQUIRED)):
        text = text.replace(f"{{{name}}}", term.replace("{enrolled}", _ENROLLED))
    return text


def all_of(*conditions: str) -> str:
    """Return the conditions joined by `and`; an empty one is left out."""
    chosen = [condition for condition in conditions if condition]
    return " and ".join(f"({each})" if len(chosen) > 1 else each for each in chosen)


def _instant(moment: datetime) -> str:
    return instant_text(moment, "auto")
