"""What is learned of one request while it is answered: stages write their facts into its record.

The record is found by a context variable, so that no stage needs to hand it on; worker threads and
the tasks of a request see the same one. Where no request is answered, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from time import perf_counter, time
from typing import Any

_CURRENT: ContextVar[RequestRecord | None] = ContextVar("gateway_record", default=None)


@dataclass(frozen=True, slots=True)
class PersonalRead:
    """Personal columns of an entity set that a response was made from; no values.

    `columns` are the personal ones, `filters` all columns that conditions use. `rows` is None while
    the rows are still counted in the record.
    """

    resource: str
    columns: tuple[str, ...]
    filters: tuple[str, ...] = ()
    rows: int | None = None


@dataclass(slots=True)
class RequestRecord:
    """One request, or one extract; mutable until it ends.

    `began` is of `perf_counter`, `at` of the wall clock (seconds since 1970). `spent` has seconds
    by stage, `marks` when each stage began and ended, for traces. `cache` says how a snapshot came
    to answer, `page` whether its page was kept. `rows` is None where no rows are answered with.
    `question` is the request as `gateway.service.messages` has it; it holds literals and is never
    shown as it is.
    `is_query` tells that OData was asked for, understood or not. `workspace` is empty, as `key` is,
    when nobody was let in; `part` counts from 1 in a batch, whose `parts` have its id; `tag` is the
    caller's own name for a data set.
    `span` is the trace's, if there is one. `reads` are those of personal columns.
    """

    id: str
    method: str = ""
    began: float = field(default_factory=perf_counter)
    at: float = field(default_factory=time)
    resource: str = ""
    route: str = ""
    cache: str = ""
    page: str = ""
    rows: int | None = None
    error: str = ""
    spent: dict[str, float] = field(default_factory=dict)
    marks: list[tuple[str, float, float]] | None = None
    is_query: bool = False
    part: int = 0
    parts: tuple[RequestRecord, ...] = ()
    reads: tuple[PersonalRead, ...] = ()
    workspace: str = ""
    role: str | None = None
    key: str = ""
    tag: str = ""
    question: Any = field(default=None, repr=False)
    span: Any = field(default=None, repr=False)
    status: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def spend(self, stage: str, began: float, ended: float) -> None:
        """Add to the time of a stage."""
        self.spent[stage] = self.spent.get(stage, 0.0) + ended - began
        if self.marks is not None:
            self.marks.append((stage, began, ended))


def current() -> RequestRecord | None:
    """The record of what is being answered here; None where nothing is."""
    return _CURRENT.get()


class Recording:
    """`with Recording(record):` lets all that is learned inside go into `record`.

    No generator, as `Stage` is none: they are entered for each request.
    """

    __slots__ = ("_record", "_token")

    def __init__(self, record: RequestRecord) -> None:
        self._record = record

    def __enter__(self) -> None:
        self._token = _CURRENT.set(self._record)

    def __exit__(self, *raised: object) -> None:
        _CURRENT.reset(self._token)


@contextmanager
def part(method: str) -> Iterator[RequestRecord]:
    """A part of the batch that is answered here has a record of its own, in the batch's trace."""
    outer = _CURRENT.get() or RequestRecord("")
    record = RequestRecord(
        outer.id, method, resource="odata", is_query=True, part=len(outer.parts) + 1
    )
    record.marks, record.span = outer.marks, outer.span
    outer.parts = (*outer.parts, record)
    try:
        with Recording(record):
            yield record
    finally:
        record.seconds = perf_counter() - record.began
        record.marks = record.span = None


class Stage:
    """`with Stage("query"):` adds the time inside to the record."""

    __slots__ = ("_began", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = perf_counter()

    def __exit__(self, *raised: object) -> None:
        record = _CURRENT.get()
        if record is not None:
            record.spend(self._name, self._began, perf_counter())


def note_question(question: object, resource: str, route: str) -> None:
    """What was asked: the entity set or document, and how the plan answers it."""
    record = _CURRENT.get()
    if record is not None:
        record.question, record.resource, record.route = question, resource, route


def note_resource(resource: str) -> None:
    """What is answered, where it is no question about an entity set."""
    record = _CURRENT.get()
    if record is not None:
        record.resource = resource


def note_cache(verdict: str) -> None:
    """How a snapshot came to answer."""
    record = _CURRENT.get()
    if record is not None:
        record.cache = verdict


def note_page(verdict: str, rows: int | None = None) -> None:
    """Whether a page was kept, made, or known to the client, and how many rows it has."""
    record = _CURRENT.get()
    if record is not None:
        record.page = verdict
        record.rows = rows


def note_rows(rows: int) -> None:
    """How many rows the answer has."""
    record = _CURRENT.get()
    if record is not None:
        record.rows = rows


def note_read(read: PersonalRead | None, *, whole: bool) -> None:
    """Note that personal columns were read; unless `whole`, rows are still to be counted."""
    record = _CURRENT.get()
    if record is not None and read is not None:
        if whole and read.rows is None:
            read = replace(read, rows=record.rows or 0)
        record.reads = (*record.reads, read)


def note_error(code: str) -> None:
    """The catalogue's code of the failure that is told."""
    record = _CURRENT.get()
    if record is not None:
        record.error = code
