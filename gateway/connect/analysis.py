"""The file `analysis.toml`, which defines the model for Power BI and Excel.

Names of columns are in the file, not in code, as in the contract file. Definitions that need
missing columns are left out (`gateway.connect.star`).
"""

from __future__ import annotations

from importlib.resources import files
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

Kind: TypeAlias = Literal["card", "column", "bar", "donut", "table", "slicer"]


class Incremental(Struct, frozen=True, forbid_unknown_fields=True):
    """`[incremental]`: the set with the fact's rows in partitions, and the years that it covers."""

    set: str
    day: str
    changes: str
    years_kept: int
    years_polled: int


class MeasureEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `[[measures]]`; `apply` is empty for a quotient of other measures.

    `needs` is the meaning of `expiryDate` that it counts.
    """

    name: str
    folder: str
    format: str
    about: str
    dax: str
    apply: str = ""
    needs: Literal["", "due", "validity"] = ""


class VisualEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `visuals`; `at` is column, row, width and height on the page's grid."""

    kind: Kind
    at: tuple[int, int, int, int]
    values: tuple[str, ...]
    title: str = ""
    category: str = ""
    series: str = ""
    sort: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Return all columns and measures that the visual shows."""
        return (*filter(None, (self.category, self.series)), *self.values)


class PageEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of `[[pages]]`: a page of the report."""

    name: str
    title: str
    visuals: tuple[VisualEntry, ...]


class AnalysisFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file."""

    fact: str
    dimensions: tuple[str, ...]
    workbook: tuple[str, ...]
    calendar: str
    image_columns: tuple[str, ...]
    incremental: Incremental
    moved_to: dict[str, str]
    measures: tuple[MeasureEntry, ...]
    pages: tuple[PageEntry, ...]


def load_analysis() -> AnalysisFile:
    """Return the file that ships with the gateway."""
    text = files("gateway.connect").joinpath("analysis.toml").read_bytes()
    return msgspec.toml.decode(text, type=AnalysisFile)
