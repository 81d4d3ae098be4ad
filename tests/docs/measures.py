"""The table of measures in docs/powerbi.md, made from the file that they are made from."""

from __future__ import annotations

import re

from gateway.connect.analysis import MeasureEntry, load_analysis

_TABLE = re.compile(r"(<!-- measures:.*?-->\n).*?(<!-- /measures -->)", re.DOTALL)


def measures_table() -> str:
    """A row for each measure."""
    lines = ["| measure | what | DAX | the same as `$apply` |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_row(measure) for measure in load_analysis().measures)]) + "\n"


def with_measures(page: str) -> str:
    """The page with its table as it must be."""
    return _TABLE.sub(lambda match: match[1] + measures_table() + match[2], page)


def _row(measure: MeasureEntry) -> str:
    twin = f"`{measure.apply}`" if measure.apply else "the quotient of these"
    dax = " ".join(measure.dax.split())
    return f"| {measure.name} | {measure.about} | `{dax}` | {twin} |"
