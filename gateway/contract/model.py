"""The upstream as data: what it is called there, what each column can filter and sort.

The planner reads each column's `filter` and `order`, `gateway.analytics` reads member names, the
rest of the gateway reads `Contract.schema`. A filter is exact, or it may return too much; never too
little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gateway.contract.derived import DerivedSet
from gateway.contract.statistics import Statistic
from gateway.edm.model import Property, Schema

MemberPath: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ValuesFilter:
    """A request member that takes a list of values, ORed; never sent empty."""

    member: MemberPath
    exact: bool
    max_values: int


@dataclass(frozen=True, slots=True)
class RangeFilter:
    """A request member with two instants; rows whose value is null never match upstream."""

    from_member: MemberPath
    to_member: MemberPath
    from_inclusive: bool
    to_inclusive: bool
    resolution_milliseconds: int
    exact: bool


@dataclass(frozen=True, slots=True)
class CustomFieldFilter:
    """One entry `{id, values}` in a list of custom-field filters."""

    member: MemberPath
    id_member: str
    values_member: str
    field_id: str
    exact: bool
    max_values: int


Filter: TypeAlias = ValuesFilter | RangeFilter | CustomFieldFilter


@dataclass(frozen=True, slots=True)
class Column:
    """One property of the feed and where the upstream keeps it.

    `path` ends in the value; `each` is the index in `path` of the array whose elements are walked,
    None for a single value. `optional` means the member may be absent. `field_id` is set for a
    custom field, whose `path` leads to the array of fields. `order` is the upstream's name for
    sorting by the column, None when it cannot. A column that is not `published` is there for what
    is made of it.
    """

    prop: Property
    path: MemberPath
    each: int | None = None
    optional: bool = False
    filter: Filter | None = None
    order: str | None = None
    field_id: str | None = None
    published: bool = True

    @property
    def name(self) -> str:
        """The property's name in the feed."""
        return self.prop.name


@dataclass(frozen=True, slots=True)
class RequestShape:
    """Member paths of the request's options; `page_limit` is in rows."""

    limit: MemberPath
    skip: MemberPath
    order_by: MemberPath
    order: MemberPath
    ascending: str
    descending: str
    page_limit: int


@dataclass(frozen=True, slots=True)
class ResponseShape:
    """Member paths of the envelope.

    `repeated` are objects in a row that many rows have in common, word for word.
    """

    rows: MemberPath
    total: MemberPath
    error: MemberPath
    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomFieldShape:
    """The array of custom fields in a row, and the members of its elements."""

    path: MemberPath
    id_member: str
    value_member: str
    label_member: str


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How often the upstream may be asked.

    In any `t` seconds never more than `burst + calls_per_second * t` calls.
    """

    calls_per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Contract:
    """Everything the gateway knows of the upstream.

    `order_column` is the column extracts are read by, newest first. `fingerprint` changes with
    any change of the file or of the mapped custom fields; it is part of every snapshot's key.
    `rate_limit` is None where the upstream states none. `key` is the column that tells results
    apart; the schema's first entity set is that of the results, `derived` tells how the others are
    made of them. Without `statistics` the upstream is never asked for any. `has_total` is False if
    the upstream's total is not the number of these rows, because a role sees only some of them.
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

    @property
    def key_path(self) -> MemberPath:
        """The path of the key in a row; empty where no column reads it."""
        return next((c.path for c in self.columns if c.name == self.key), ())

    def derived_set(self, name: str) -> DerivedSet | None:
        """How the rows of an entity set are made; None for the results themselves."""
        return next((item for item in self.derived if item.entity_set.name == name), None)

    def column(self, name: str) -> Column:
        """The column of a property that the binder has found.

        Raises:
            KeyError: there is none; a fault of the caller.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
