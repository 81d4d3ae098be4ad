"""The figures, each as two conditions of OData on the results.

A figure is the number of the rows that meet `counts`, all of which meet `of`. Conditions may use
`{required}`, `{enrolled}` and `{met}`, which `Terms` explains, and moments: `{now}` is the instant
of the snapshot, so that all figures of a page agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.edm.model import EntityType
from gateway.observe.instants import instant_text

DUE, VALIDITY, BY_STATE = "due", "validity", "by_state"
_MET = "{enrolled} and state eq 'APPROVED'"
_VALID = (
    "{enrolled} and (state eq 'APPROVED' and (expiryDate eq null or expiryDate gt {now})"
    " or certificateIssuedAt ne null and expiryDate gt {now})"
)
"""A valid certificate counts, whatever the state: a course opens again before it ends."""
_ENROLLED = "enrollmentType in ('MANDATORY','OPTIONAL')"
_REQUIRED = "enrollmentType eq 'MANDATORY'"
_DAYS = (30, 60, 90)
_WORD = re.compile(r"'[^']*'|[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure; `of` is empty for all rows. `is_bad` is True if fewer are better.

    `needs` is the meaning of the expiry date without which the figure does not exist.
    """

    name: str
    counts: str
    of: str = ""
    is_bad: bool = False
    needs: str = ""


FIGURES: tuple[Figure, ...] = (
    Figure("compliance", "{required} and {met}", "{required}"),
    Figure("completion", "{met}", "{enrolled}"),
    Figure(
        "overdue",
        "{required} and not ({met}) and expiryDate le {now}",
        "{required}",
        is_bad=True,
        needs=DUE,
    ),
    Figure(
        "atRisk",
        "{required} and not ({met}) and expiryDate gt {now} and expiryDate le {in30}",
        "{required}",
        is_bad=True,
        needs=DUE,
    ),
    Figure(
        "expired",
        "state eq 'APPROVED' and expiryDate le {now}",
        "state eq 'APPROVED' and expiryDate le {now} or {met}",
        is_bad=True,
        needs=VALIDITY,
    ),
    *(
        Figure(
            f"expiring{days}",
            f"{{met}} and expiryDate gt {{now}} and expiryDate le {{in{days}}}",
            "{met}",
            is_bad=True,
            needs=VALIDITY,
        )
        for days in _DAYS
    ),
    Figure("stateExpired", "state eq 'EXPIRED'", is_bad=True),
    Figure(
        "failed",
        "{enrolled} and state eq 'FAILED'",
        "{enrolled} and state in ('APPROVED','FAILED')",
        is_bad=True,
    ),
    Figure("notStarted", "{enrolled} and state eq 'NOT_STARTED'", "{enrolled}"),
    Figure("inProgress", "{enrolled} and state eq 'IN_PROGRESS'", "{enrolled}"),
    Figure(
        "stalled",
        "state eq 'IN_PROGRESS' and updatedAt lt {ago30}",
        "state eq 'IN_PROGRESS'",
        is_bad=True,
    ),
    Figure("certificates", "certificateIssuedAt gt {ago30} and certificateIssuedAt le {now}"),
)


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

    @classmethod
    def of(cls, meaning: str, now: datetime, columns: frozenset[str]) -> Terms:
        """Return the terms; `now` is aware, UTC, `columns` are those of the results."""
        moments = {"now": _text(now), "ago30": _text(now - timedelta(days=30))}
        moments |= {f"in{days}": _text(now + timedelta(days=days)) for days in _DAYS}
        has_validity = meaning != DUE and {"expiryDate", "certificateIssuedAt"} <= columns
        met = (_VALID if has_validity else _MET).format(enrolled=_ENROLLED, **moments)
        return cls(_REQUIRED, _ENROLLED, met, moments)

    def condition(self, text: str, *, short: bool = False) -> str:
        """Return a condition without placeholders; `short` names the computed columns instead."""
        words = {"required": self.required, "enrolled": self.enrolled, "met": self.met}
        if short:
            return text.format(**{name: f"{name} eq 1" for name in words}, **self.moments)
        return text.format(**{name: f"({each})" for name, each in words.items()}, **self.moments)


def figures_of(results: EntityType, meaning: str) -> tuple[Figure, ...]:
    """Return the figures that these results have columns for, and a known meaning of the date."""
    columns = frozenset(prop.name for prop in results.properties)
    meanings = {BY_STATE: (DUE, VALIDITY), DUE: (DUE,)}.get(meaning, (VALIDITY,))
    return tuple(
        figure
        for figure in FIGURES
        if (not figure.needs or figure.needs in meanings) and columns_of(figure) <= columns
    )


def columns_of(figure: Figure) -> frozenset[str]:
    """Return the columns of the results that a figure needs.

    >>> sorted(columns_of(FIGURES[1]))
    ['enrollmentType', 'state']
    """
    text = f"{figure.counts} {figure.of}"
    for name, term in (("met", _MET), ("enrolled", _ENROLLED), ("required", _REQUIRED)):
        text = text.replace(f"{{{name}}}", term.replace("{enrolled}", _ENROLLED))
    words = {word for word in _WORD.findall(re.sub(r"\{\w+\}", "", text)) if word[0] != "'"}
    return frozenset(words - {"and", "or", "not", "eq", "ne", "le", "lt", "gt", "ge", "in", "null"})


def _text(moment: datetime) -> str:
    return instant_text(moment, "auto")
