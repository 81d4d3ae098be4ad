"""The shape of a contract file, as msgspec reads it.

Unknown members are refused, so that a misspelt key is an error and not a silent default.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

Source: TypeAlias = Literal["documented", "assumed"]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; `source` says where its facts come from."""

    source: Source = "assumed"


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """`[service]`: names that the gateway publishes."""

    namespace: str
    container: str
    entity_set: str
    entity_type: str
    key: str
    label: str = ""


class UpstreamSection(Section, frozen=True):
    """`[upstream]`."""

    base_url: str


class Endpoint(Section, frozen=True):
    """`[endpoints.*]`."""

    path: str


class Endpoints(Struct, frozen=True, forbid_unknown_fields=True):
    """`[endpoints]`."""

    results: Endpoint
    statistics: Endpoint


class MemberPath(Section, frozen=True):
    """A member of a request or response, as a dotted path."""

    member: str


class Limit(MemberPath, frozen=True):
    """`[request.limit]`."""

    maximum: Positive


class Order(MemberPath, frozen=True):
    """`[request.order]`."""

    ascending: str
    descending: str


class RequestSection(Struct, frozen=True, forbid_unknown_fields=True):
    """`[request]`."""

    limit: Limit
    skip: MemberPath
    order_by: MemberPath
    order: Order


class RowsSection(MemberPath, frozen=True):
    """`[response.rows]`."""

    repeated: tuple[str, ...] = ()


class ResponseSection(Struct, frozen=True, forbid_unknown_fields=True):
    """`[response]`."""

    rows: RowsSection
    total: MemberPath
    error: MemberPath


class ValuesFilterEntry(Section, frozen=True, tag_field="kind", tag="values"):
    """`kind = "values"`."""

    member: str
    exact: bool
    max_values: Positive = 500


class RangeFilterEntry(Section, frozen=True, tag_field="kind", tag="range"):
    """`kind = "range"`; `from` and `to` are members inside `member`."""

    member: str
    from_: str = field(name="from")
    to: str
    from_inclusive: bool
    to_inclusive: bool
    exact: bool
    resolution_milliseconds: Positive = 1


class CustomFieldsFilterEntry(Section, frozen=True, tag_field="kind", tag="custom-fields"):
    """`kind = "custom-fields"`."""

    member: str
    id: str
    values: str
    exact: bool
    max_values: Positive = 500


FilterEntry: TypeAlias = ValuesFilterEntry | RangeFilterEntry | CustomFieldsFilterEntry


class ColumnEntry(Section, frozen=True):
    """`[[columns]]`."""

    name: str
    path: str
    type: Literal[
        "Edm.String",
        "Edm.Boolean",
        "Edm.Int32",
        "Edm.Int64",
        "Edm.Double",
        "Edm.DateTimeOffset",
    ]
    nullable: bool = True
    optional: bool = False
    values: tuple[str, ...] = ()
    closed: bool = False
    filter: str | None = None
    order: str | None = None
    label: str = ""
    published: bool = True
    personal: bool = False


class MappedField(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[custom_fields.mapped]]`; `personal` None inherits `[custom_fields]`."""

    id: str
    name: str
    label: str = ""
    personal: bool | None = None


class LimitsSection(Section, frozen=True):
    """`[limits]`."""

    calls_per_second: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    burst: Positive | None = None


class CustomFieldsSection(Section, frozen=True):
    """`[custom_fields]`."""

    path: str
    id: str
    value: str
    label: str
    filter: str | None = None
    personal: bool = False
    mapped: tuple[MappedField, ...] = ()


class Extract(Section, frozen=True):
    """`[extract]`."""

    order_by: str
    overlap_seconds: Annotated[int, Meta(ge=0)] = 120


class StatisticEntry(Section, frozen=True):
    """`[statistics.*]`."""

    kind: Literal["rows", "distinct", "not-null", "average", "values"]
    member: str
    exact: bool
    column: str = ""


class SetColumnEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[sets]] columns`."""

    name: str
    kind: Literal[
        "group",
        "first",
        "each",
        "count",
        "distinct",
        "average",
        "least",
        "most",
        "constant",
        "guid",
        "day",
        "digest",
    ]
    of: str = ""
    where: str = ""
    text: str = ""
    label: str = ""
    first_year: Annotated[int, Meta(ge=1900, le=9999)] | None = None
    years: Positive | None = None


class SetEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[sets]]`."""

    name: str
    type: str
    key: str | tuple[str, ...]
    columns: tuple[SetColumnEntry, ...]
    label: str = ""
    unnest: tuple[str, ...] = ()
    measures: bool = False
    custom_fields: bool = False
    copy_columns: bool = False


class NavigationEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[navigation]]`: from a row of `set` to the one row of `to` that it belongs to.

    Without a `partner` there is no navigation property back.
    """

    set: str
    name: str
    to: str
    on: dict[str, str]
    partner: str = ""
    one_to_one: bool = False


class ContractFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal[1]
    service: Service
    upstream: UpstreamSection
    endpoints: Endpoints
    request: RequestSection
    response: ResponseSection
    filters: dict[str, FilterEntry]
    columns: tuple[ColumnEntry, ...]
    extract: Extract
    custom_fields: CustomFieldsSection
    limits: LimitsSection = LimitsSection()
    statistics: dict[str, StatisticEntry] = {}
    sets: tuple[SetEntry, ...] = ()
    measures: tuple[SetColumnEntry, ...] = ()
    navigation: tuple[NavigationEntry, ...] = ()
