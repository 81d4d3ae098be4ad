"""The figures, each as two conditions of OData on the results.

A figure is the number of the rows, or of the people, that meet `counts`, all of which meet `of`.
Conditions may use `{required}`, `{enrolled}` and `{met}`, which `Terms` explains, and moments:
`{now}` is the instant of the snapshot, so that all figures of a page agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DUE, VALIDITY, BY_STATE = "due", "validity", "by_state"
_DAYS = (30, 60, 90)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure; `of` is empty for all rows. `is_bad` is True if fewer are better.

    `needs` is the meaning of the expiry date without which the figure does not exist. `people`
    counts people: those of whom `any` or `all` of the results that meet `of` meet `counts` too.

    `dated` is the column whose dates a chosen period limits, in `counts` and in `of`; without one,
    the figure is of the present, and no period applies to it. `usual` is the condition that applies
    while no period is chosen; `in_period` is True if the figure exists in a chosen one only.

    `mean` is a column whose mean is of interest, beside the number of results that have one.
    """

    name: str
    counts: str
    of: str = ""
    is_bad: bool = False
    needs: str = ""
    people: Literal["", "any", "all"] = ""
    dated: str = ""
    usual: str = ""
    in_period: bool = False
    mean: str = ""


_OVERDUE = "{required} and not ({met}) and expiryDate le {now}"
FIGURES: tuple[Figure, ...] = (
    Figure("compliance", "{required} and {met}", "{required}"),
    Figure("people", "{required} and {met}", "{required}", people="all"),
    Figure("completion", "{met}", "{enrolled}"),
    Figure("overdue", _OVERDUE, "{required}", is_bad=True, needs=DUE, dated="expiryDate"),
    Figure(
        "overduePeople",
        _OVERDUE,
        "{required}",
        is_bad=True,
        needs=DUE,
        people="any",
        dated="expiryDate",
    ),
    Figure(
        "atRisk",
        "{required} and not ({met}) and expiryDate gt {now} and expiryDate le {in30}",
        "{required}",
        is_bad=True,
        needs=DUE,
    ),
    Figure(
        "fallingDue",
        "{required} and not ({met}) and expiryDate gt {now}",
        "{required}",
        is_bad=True,
        needs=DUE,
        dated="expiryDate",
        in_period=True,
    ),
    Figure(
        "expired",
        "state eq 'APPROVED' and expiryDate le {now}",
        "state eq 'APPROVED' and expiryDate le {now} or {met}",
        is_bad=True,
        needs=VALIDITY,
        dated="expiryDate",
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
    Figure(
        "ending",
        "{met} and expiryDate gt {now}",
        is_bad=True,
        needs=VALIDITY,
        dated="expiryDate",
        in_period=True,
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
    Figure(
        "completed",
        "{enrolled} and state eq 'APPROVED' and completedAt le {now}",
        dated="completedAt",
    ),
    Figure(
        "certificates",
        "certificateIssuedAt le {now}",
        dated="certificateIssuedAt",
        usual="certificateIssuedAt gt {ago30}",
    ),
    Figure("active7", "updatedAt gt {ago7}", people="any"),
    Figure("active30", "updatedAt gt {ago30}", people="any"),
    Figure("inNoRate", "not ({enrolled})"),
)
TIME_TO_COMPLETE = Figure(
    "timeToComplete", "state eq 'APPROVED' and completedAt ge startedAt", dated="completedAt"
)
"""The results whose whole days between start and completion have a median; see `Spread`."""
AVERAGE_PROGRESS = Figure("averageProgress", "{enrolled} and progress ne null", mean="progress")
