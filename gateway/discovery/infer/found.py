"""The results of inference: places in an envelope, columns, a key, and questions.

Their texts contain shapes and counts, never a value of a person. Values of rows are listed for
states, enrollment types and content types alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from msgspec import structs

from gateway.contract import file

Row: TypeAlias = Mapping[str, Any]
Steps: TypeAlias = tuple[str | dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class RowsPlace:
    """A list of objects that may be the rows; `path` is "" for a top-level list."""

    path: str
    score: float
    rows: int


@dataclass(frozen=True, slots=True)
class NumberPlace:
    """A member or a header that may be the total; `counts` is what its name and value suggest."""

    member: str | None
    header: str | None
    number: int
    counts: Literal["rows", "pages", "page_rows"]
    score: float


@dataclass(frozen=True, slots=True)
class MemberPlace:
    """A member that may be has-more or a cursor; `negated` if it is true on the last page."""

    path: str
    score: float
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """The candidates of one response, best first.

    `leads` is True if the first of `rows` is clearly better than the second, which is absent then
    too; otherwise both readings have to be tried.
    """

    rows: tuple[RowsPlace, ...] = ()
    totals: tuple[NumberPlace, ...] = ()
    has_more: tuple[MemberPlace, ...] = ()
    cursors: tuple[MemberPlace, ...] = ()
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One reading: its shape, in words, and the entry that it leads to; None leaves it out."""

    shape: str
    entry: file.ColumnEntry | None


@dataclass(frozen=True, slots=True)
class Question:
    """A choice that rows do not decide; the default is `options[safe]`, as `said` explains."""

    subject: str
    text: str
    options: tuple[Option, ...]
    safe: int
    said: str


@dataclass(frozen=True, slots=True)
class Key:
    """The identity of rows; `advice` says what the owner can do if they have none.

    `parts` are the columns of a composite key.
    """

    kind: Literal["column", "composite", "none"]
    evidence: str
    parts: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class OrderColumn:
    """A column that may order extracts, which needs a value in every row."""

    name: str
    rows: int
    rows_without: int

    @property
    def is_usable(self) -> bool:
        """True if no row lacks it."""
        return self.rows > 0 and self.rows_without == 0


@dataclass(frozen=True, slots=True)
class Inferred:
    """The columns of a contract file, as sample rows suggest them.

    The column of the key is among `columns` unless `key.kind` is "none"; the feed has to be refused
    then, with `key.advice`. `zone_unknown` are columns whose instants have no offset: their steps
    have no zone, so nothing can be decoded until `with_zone`. `missing` are usual columns without a
    member, and `undecoded` numbers of values that the steps of a column cannot read. `repeated` are
    objects for `[response] repeated`.
    """

    rows: int
    columns: tuple[file.ColumnEntry, ...]
    key: Key
    custom_fields: file.CustomFieldsSection | None = None
    order: tuple[OrderColumn, ...] = ()
    zone_unknown: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    missing: tuple[str, ...] = ()
    undecoded: Mapping[str, int] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()

    def column(self, name: str) -> file.ColumnEntry | None:
        """Return the entry of a column; None if there is none."""
        return next((entry for entry in self.columns if entry.name == name), None)

    def with_zone(self, zone: str, names: Collection[str] | None = None) -> Inferred:
        """Return the columns with a zone for instants without an offset, of all or these names."""
        chosen = self.zone_unknown if names is None else names
        columns = tuple(_zoned(e, zone) if e.name in chosen else e for e in self.columns)
        left = tuple(name for name in self.zone_unknown if name not in chosen)
        return replace(self, columns=columns, zone_unknown=left)

    def answered(self, subject: str, option: int) -> Inferred:
        """Return the columns with another option of a question than the safe one."""
        question = next(each for each in self.questions if each.subject == subject)
        entry = question.options[option].entry
        others = tuple(each for each in self.columns if each.name != subject)
        columns = others if entry is None else (*others, entry)
        left = tuple(each for each in self.questions if each is not question)
        missing = tuple(name for name in self.missing if name != subject)
        if entry is None:
            missing = (*missing, subject)
        return replace(self, columns=columns, questions=left, missing=missing)


def _zoned(entry: file.ColumnEntry, zone: str) -> file.ColumnEntry:
    steps = tuple(
        {**step, "zone": zone} if isinstance(step, dict) and "instant" in step else step
        for step in entry.decode
    )
    return structs.replace(entry, decode=steps, evidence=f"{entry.evidence}; zone {zone}")


def counted(rows: Sequence[Any] | int, noun: str = "row") -> str:
    """Return a number with its noun.

    >>> counted(1), counted(12_400), counted(0, "value")
    ('1 row', '12,400 rows', '0 values')
    """
    number = rows if isinstance(rows, int) else len(rows)
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
