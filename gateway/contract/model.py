"""The upstream as data: names of its members, filters and orders of its columns.

The planner reads each column's `filter` and `order`, `gateway.analytics` reads member names, the
rest of the gateway reads `Contract.schema`. A filter is exact or may return too many rows, never
too few.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from gateway.contract.decoding import Instant, Step, Undecodable, encode
from gateway.contract.derived import DerivedSet
from gateway.contract.statistics import Statistic
from gateway.contract.template import Template
from gateway.edm.model import Property, Schema

MemberPath: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValuesFilter:
    """A list of values, ORed; never sent empty. `name` is its placeholder in the request's body.

    `safe` is a pattern of values that can be sent, empty for all: the body may join them to a text,
    in which a comma or a quotation mark would mean something else.
    """

    name: str
    exact: bool
    max_values: int
    safe: str = ""


@dataclass(frozen=True, slots=True)
class RangeFilter:
    """Two instants, `NAME.from` and `NAME.to`; rows whose value is null never match upstream.

    `instant` is how instants are sent; `open_from` and `open_to` replace open ends, if the
    upstream needs both.
    """

    name: str
    from_inclusive: bool
    to_inclusive: bool
    resolution_milliseconds: int
    exact: bool
    instant: Instant = field(default_factory=Instant)
    open_from: str | int | None = None
    open_to: str | int | None = None


@dataclass(frozen=True, slots=True)
class CustomFieldFilter:
    """The values of one custom field, one entry of the list `custom_fields`."""

    field_id: str
    exact: bool
    max_values: int


Filter: TypeAlias = ValuesFilter | RangeFilter | CustomFieldFilter


@dataclass(frozen=True, slots=True)
class ColumnSource:
    """The source of a column's value: the first path with a value, or all paths to be joined.

    A step of a path is a member's name; `[]` behind it means each element, `[0]` one element.
    `key_of` are the columns whose values make a key.
    """

    paths: tuple[MemberPath, ...] = ()
    steps: tuple[Step, ...] = ()
    key_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One property of the results and its place in the upstream's rows.

    `path` ends in the value; `each` is the index in `path` of the array whose elements are read,
    None for a single value. `optional` is True if the member may be absent. `field_id` is set for a
    custom field, whose `path` leads to the array of fields. `order` is the upstream's name for
    sorting by the column, None if it cannot. A column that is not `published` serves only the
    columns that derive from it. `source` is how its value is made if it is not simply the member at
    `path`. `changes_by_time` is True if the value may change without the order column.
    """

    prop: Property
    path: MemberPath
    each: int | None = None
    optional: bool = False
    filter: Filter | None = None
    order: str | None = None
    field_id: str | None = None
    published: bool = True
    source: ColumnSource | None = None
    changes_by_time: bool = False

    @property
    def name(self) -> str:
        """Return the name of the property."""
        return self.prop.name

    def can_encode(self, value: str) -> bool:
        """Return True if the upstream has one value that becomes this one."""
        try:
            sent = encode(value, () if self.source is None else self.source.steps)
        except Undecodable:
            return False
        safe = self.filter.safe if isinstance(self.filter, ValuesFilter) else ""
        if safe and not re.fullmatch(safe, str(sent)):
            return False
        return self.source is None or not self.source.key_of


@dataclass(frozen=True, slots=True)
class RequestShape:
    """The request: templates of its bodies, its headers, and the two texts of a direction.

    Header values may name environment variables as `${env.NAME}`.
    """

    body: Template
    statistics_body: Template
    page_limit: int
    ascending: str = "ASC"
    descending: str = "DESC"
    headers: tuple[tuple[str, str], ...] = ()


class Paging(StrEnum):
    """The way a request names its page: by its first row, by its number, or by a cursor."""

    OFFSET = "offset"
    PAGE_NUMBER = "page_number"
    CURSOR = "cursor"


class Stop(StrEnum):
    """The sign that a page is the last one."""

    TOTAL = "total"
    HAS_MORE = "has_more"
    SHORT_PAGE = "short_page"
    EMPTY_PAGE = "empty_page"


@dataclass(frozen=True, slots=True)
class Pages:
    """The division of rows into pages; `first` is the number of the first row or page.

    `deepest` is the largest sum of skip and limit that the upstream accepts, None without a bound.
    """

    kind: Paging = Paging.OFFSET
    first: int = 0
    deepest: int | None = None
    stop: Stop = Stop.TOTAL


@dataclass(frozen=True, slots=True)
class TotalPlace:
    """The place of the total: a member or a header, counted in rows or in pages."""

    member: MemberPath | None = None
    header: str | None = None
    counts_pages: bool = False


@dataclass(frozen=True, slots=True)
class ResponseShape:
    """The envelope: member paths, and what marks success.

    `repeated` are objects in a row that many rows share, byte for byte. Without `success`, every
    2xx is one, unless the member of `failed_if` has its value.
    """

    rows: MemberPath
    total: TotalPlace | None
    errors: tuple[MemberPath, ...] = ()
    repeated: tuple[str, ...] = ()
    success: tuple[int, ...] = ()
    failed_if: tuple[MemberPath, str | int | bool] | None = None
    has_more: MemberPath | None = None
    cursor: MemberPath | None = None


@dataclass(frozen=True, slots=True)
class CustomFieldShape:
    """The custom fields in a row: a list of elements, or an object with a member for each ID."""

    path: MemberPath
    id_member: str
    value_member: str
    label_member: str
    is_object: bool = False


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The limit of calls to the upstream.

    In any `t` seconds the gateway makes at most `burst + calls_per_second * t` calls.
    """

    calls_per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the gateway knows of the upstream.

    `order_column` is the column that extracts are sorted by, newest first; empty if no column can
    order them. `left_out` are the columns and sets of the file that depend on columns which this
    upstream does not have. `fingerprint` changes
    with any change of the file or of the mapped custom fields; it is part of every snapshot's key.
    `rate_limit` is None if the upstream states none. `key` is the key column of the results, which
    are the schema's first entity set; `derived` defines the others. Without `statistics` the
    gateway never requests them. `has_total` is False if the upstream's total is not the number of
    these rows, because a role sees only some of them.
    """

    base_url: str
    results_path: str
    statistics_path: str
    request: RequestShape
    response: ResponseShape
    custom_fields: CustomFieldShape
    columns: tuple[Column, ...]
    key: str
    schema: Schema
    order_column: str
    overlap_seconds: int
    fingerprint: str
    rate_limit: RateLimit | None = None
    derived: tuple[DerivedSet, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    has_total: bool = True
    pages: Pages = field(default_factory=Pages)
    left_out: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """True if pages can be decoded straight into columns, with nothing to translate."""
        shape = self.response
        return (
            all(column.source is None for column in self.columns)
            and not self.custom_fields.is_object
            and self.pages == Pages()
            and shape.total is not None
            and bool(shape.total.member)
            and not shape.total.counts_pages
            and bool(shape.rows)
            and not any("[" in step for step in (*shape.rows, *self.total_path))
            and shape.failed_if is None
        )

    @property
    def can_verify_total(self) -> bool:
        """True if a second number can confirm the total of responses: the sum of two ranges."""
        if not (self.has_total and self.order_column):
            return False
        filter_ = self.column(self.order_column).filter
        return isinstance(filter_, RangeFilter) and filter_.exact

    @property
    def total_path(self) -> MemberPath:
        """Return the path of the total; empty if it is not a member of the response."""
        total = self.response.total
        return () if total is None or total.member is None else total.member

    @property
    def key_path(self) -> MemberPath:
        """Return the path of the key in a row; empty if no column reads it."""
        return next((c.path for c in self.columns if c.name == self.key), ())

    def derived_set(self, name: str) -> DerivedSet | None:
        """Return the definition of a derived entity set; None for the results themselves."""
        return next((item for item in self.derived if item.entity_set.name == name), None)

    def column(self, name: str) -> Column:
        """Return the column of a property that the binder has found.

        Raises:
            KeyError: there is none, which is a bug in the caller.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
