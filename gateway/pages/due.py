"""The results that need something: what they need, and until when.

The expiry date is read as the contract file says. Where it is the end of validity, a result that
was never approved has no date until when it must be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.figures.definitions import BY_STATE, DUE
from gateway.pages.feed import Row
from gateway.pages.shown import Counting

OPEN: Final = "open"
"""A mandatory result that is not met and has no date."""
_DATE_FLAGS: Final = (
    "case({ending}:1,true:0) as isEnding,case(expiryDate le {now}:1,true:0) as isPast"
)


@dataclass(frozen=True, slots=True)
class DueResults:
    """The condition of such results, and how to tell them apart."""

    condition: str
    compute: str
    meaning: str

    def options(self, where: str, select: str, most: int) -> dict[str, str]:
        """Return the options of the feed with those of them that meet a condition.

        What is not met comes first, then what will end.
        """
        found = {"$filter": where, "$top": str(most)}
        if not self.compute:
            return {**found, "$select": select, "$orderby": "updatedAt desc"}
        order = "isEnding,expiryDate eq null,expiryDate,updatedAt desc"
        return {
            **found,
            "$compute": self.compute,
            "$select": f"{select},isEnding,isPast",
            "$orderby": order,
        }

    def what(self, row: Row) -> str:
        """Return what a result needs: `open`, `overdue`, `due`, `expired`, `ending` or `ended`.

        `ended` is the state EXPIRED, of which the API does not say whether a validity has ended
        or a deadline was missed.
        """
        if row.get("expiryDate") is None:
            return OPEN
        if row["isEnding"]:
            return "ending"
        if row["state"] == "APPROVED":
            return "expired"
        if row["state"] == "EXPIRED":
            return "ended" if row["isPast"] else OPEN
        if self.meaning in (DUE, BY_STATE):
            return "overdue" if row["isPast"] else "due"
        return OPEN


def due_results(counting: Counting) -> DueResults | None:
    """Return what is due; None if the caller may not see the columns that say it."""
    figures, terms = {figure.name: figure for figure in counting.figures}, counting.terms
    compliance, ending = figures.get("compliance"), figures.get("expiring90")
    if compliance is None:
        return None
    missing = f"({terms.of_all(compliance)}) and not ({terms.counts(compliance)})"
    if not counting.has("expiryDate"):
        return DueResults(missing, "", counting.meaning)
    soon = "false" if ending is None else terms.counts(ending)
    condition = missing if ending is None else f"({missing}) or ({soon})"
    compute = _DATE_FLAGS.format(ending=soon, now=terms.moments["now"])
    return DueResults(condition, compute, counting.meaning)
