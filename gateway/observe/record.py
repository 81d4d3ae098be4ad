"""The record of one request: stages write facts about it while it is handled.

A context variable holds the record, so that no stage needs to pass it on; worker threads and the
tasks of a request see the same one. Outside a request, nothing is written.
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

    `began` is from `perf_counter`, `at` from the wall clock (seconds since 1970). `stage_seconds`
    has the time by stage, `marks` when each stage began and ended, for traces. `cache` is how the
    snapshot was found, `page` whether its page was cached. `rows` is None if the response has no
    rows. `request` is the `PlannedRequest` of `gateway.service.messages`; it holds literals and is
    never shown as it is. `is_query` is True for OData requests, valid or not. `workspace` and `key`
    are empty without an authenticated caller. `part` counts from 1 in a batch, whose `parts` have
    its id. `tag` is the client's own name for a data set. `span` is the trace's, if there is one.
    `reads` are those of personal columns. `calls` counts calls to the Analytics API; `cause` is the
    request that started an extract, which counts its calls too.
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
    stage_seconds: dict[str, float] = field(default_factory=dict)
    marks: list[tuple[str, float, float]] | None = None
    is_query: bool = False
    part: int = 0
    parts: tuple[RequestRecord, ...] = ()
    reads: tuple[PersonalRead, ...] = ()
    workspace: str = ""
    role: str | None = None
    key: str = ""
    tag: str = ""
    request: Any = field(default=None, repr=False)
    span: Any = field(default=None, repr=False)
    status: int = 0
    bytes: int = 0
    seconds: float = 0.0
    calls: int = 0
    cause: RequestRecord | None = field(default=None, repr=False)

    def spend(self, stage: str, began: float, ended: float) -> None:
        """Add to the time of a stage."""
        self.stage_seconds[stage] = self.stage_seconds.get(stage, 0.0) + ended - began
        if self.marks is not None:
            self.marks.append((stage, began, ended))


def current() -> RequestRecord | None:
    """Return the record of the current request; None outside a request."""
    return _CURRENT.get()


class Recording:
    """A context, `with Recording(record):`, whose facts go into `record`.

    A class like `Stage`, not a generator: every request enters them, and classes are faster.
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
    """Record the current part of a batch on its own, in the trace of the batch."""
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
    """A context, `with Stage("query"):`, whose time is added to the record."""

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


def note_request(request: object, resource: str, route: str) -> None:
    """Record the planned request, its entity set or document, and the route of its plan."""
    record = _CURRENT.get()
    if record is not None:
        record.request, record.resource, record.route = request, resource, route


def note_resource(resource: str) -> None:
    """Record the resource of a request that does not read an entity set."""
    record = _CURRENT.get()
    if record is not None:
        record.resource = resource


def note_cache(verdict: str) -> None:
    """Record how the snapshot was found."""
    record = _CURRENT.get()
    if record is not None:
        record.cache = verdict


def note_page(verdict: str, rows: int | None = None) -> None:
    """Record if a page was cached, made, or known to the client, and its number of rows."""
    record = _CURRENT.get()
    if record is not None:
        record.page = verdict
        record.rows = rows


def note_rows(rows: int) -> None:
    """Record the number of rows in the response."""
    record = _CURRENT.get()
    if record is not None:
        record.rows = rows


def note_read(read: PersonalRead | None, *, whole: bool) -> None:
    """Record that personal columns were read; unless `whole`, rows are yet to be counted."""
    record = _CURRENT.get()
    if record is not None and read is not None:
        if whole and read.rows is None:
            read = replace(read, rows=record.rows or 0)
        record.reads = (*record.reads, read)


def note_call(began: float, ended: float) -> None:
    """Record a call to the Analytics API, and its time by `perf_counter`."""
    record = _CURRENT.get()
    if record is not None:
        record.spend("upstream", began, ended)
    while record is not None:
        record.calls += 1
        record = record.cause


def note_error(code: str) -> None:
    """Record the catalogue's code of the error that is returned."""
    record = _CURRENT.get()
    if record is not None:
        record.error = code
