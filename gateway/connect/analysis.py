"""The file `analysis.toml`: what is made of the tables for Power BI and Excel.

The names of columns stand there and not in code, as in the contract file; what a schema does not
have is left out (`gateway.connect.star`).
"""

from __future__ import annotations

from importlib.resources import files
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

Kind: TypeAlias = Literal["card", "column", "bar", "donut", "table", "slicer"]


class Incremental(Struct, frozen=True, forbid_unknown_fields=True):
    """`[incremental]`: the set that has the fact's rows in partitions, and how long back."""

    set: str
    day: str
    changes: str
    years_kept: int
    years_looked_at: int


class MeasureEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[measures]]`; `apply` is empty for a quotient of others."""

    name: str
    folder: str
    format: str
    about: str
    dax: str
    apply: str = ""


class VisualEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One of `visuals`; `at` is column, row, width and height on the page's grid."""

    kind: Kind
    at: tuple[int, int, int, int]
    values: tuple[str, ...]
    title: str = ""
    category: str = ""
    series: str = ""
    sort: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """All columns and measures that it shows."""
        return (*filter(None, (self.category, self.series)), *self.values)


class PageEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[pages]]`."""

    name: str
    title: str
    visuals: tuple[VisualEntry, ...]


class AnalysisFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    fact: str
    dimensions: tuple[str, ...]
    workbook: tuple[str, ...]
    calendar: str
    pictures: tuple[str, ...]
    incremental: Incremental
    told_by: dict[str, str]
    measures: tuple[MeasureEntry, ...]
    pages: tuple[PageEntry, ...]


def load_analysis() -> AnalysisFile:
    """The file that ships with the gateway."""
    text = files("gateway.connect").joinpath("analysis.toml").read_bytes()
    return msgspec.toml.decode(text, type=AnalysisFile)
