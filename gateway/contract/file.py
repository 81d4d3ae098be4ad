"""The shape of a contract file of format 2, as msgspec reads it.

Unknown members are refused, so that a misspelt key is an error and not a silent default.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

Source: TypeAlias = Literal["owner", "documented", "example", "observed", "assumed"]
ColumnType: TypeAlias = Literal[
    "Edm.String", "Edm.Boolean", "Edm.Int32", "Edm.Int64", "Edm.Double", "Edm.DateTimeOffset"
]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; `source` says where its facts come from, `evidence` what was seen.

    Evidence has no values of people: "1,000 rows, 3 null".
    """

    source: Source = "assumed"
    evidence: str = ""


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
    statistics: Endpoint | None = None


class RequestSection(Section, frozen=True):
    """`[request]`: a template of the body, and headers.

    Header values may contain `${env.NAME}`, an environment variable, for secrets. Requests for
    statistics send `statistics_body`; without it, `body` with no page and no order.
    """

    body: dict[str, Any]
    headers: dict[str, str] = {}
    statistics_body: dict[str, Any] | None = None


class PagesSection(Section, frozen=True):
    """`[pages]`: how rows are divided into pages.

    `first` is the number of the first row (`offset`) or page (`page_number`). `deepest` is the
    largest sum of skip and limit that the upstream accepts. `stop` says what shows the last page.
    """

    kind: Literal["offset", "page_number", "cursor"] = "offset"
    first: Annotated[int, Meta(ge=0, le=1)] = 0
    largest: Positive = 1000
    deepest: Positive | None = None
    stop: Literal["total", "has_more", "short_page", "empty_page"] = "total"


class OrderSection(Section, frozen=True):
    """`[order]`: the texts of `${order.direction}`."""

    ascending: str
    descending: str


class FailedIf(Struct, frozen=True, forbid_unknown_fields=True, rename={"value": "is"}):
    """`[response] failed_if`: a successful status is a failure if a member has this value."""

    member: str
    value: str | int | bool


class ResponseSection(Section, frozen=True):
    """`[response]`; paths are dotted, with the index of a list as `[0]`, `""` for the whole body.

    `total` is a member and `total_header` a header; with neither, the upstream states no total.
    """

    rows: str
    success: tuple[Annotated[int, Meta(ge=200, le=299)], ...] = ()
    failed_if: FailedIf | None = None
    total: str | None = None
    total_header: str | None = None
    total_counts: Literal["rows", "pages"] = "rows"
    has_more: str | None = None
    cursor: str | None = None
    error: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()


class ValuesFilterEntry(Section, frozen=True, tag_field="kind", tag="values"):
    """`kind = "values"`: a list of values, ORed; `${NAME}` in the body of the request."""

    exact: bool
    max_values: Positive = 500


class RangeFilterEntry(Section, frozen=True, tag_field="kind", tag="range"):
    """`kind = "range"`: two instants, `${NAME.from}` and `${NAME.to}` in the body of the request.

    `open_from` and `open_to` are sent in place of an open end of a range, as they are.
    """

    from_inclusive: bool
    to_inclusive: bool
    exact: bool
    resolution_milliseconds: Positive = 1
    instant: str = "iso"
    zone: str = "UTC"
    open_from: str | int | None = None
    open_to: str | int | None = None


class CustomFieldsFilterEntry(Section, frozen=True, tag_field="kind", tag="custom-fields"):
    """`kind = "custom-fields"`: `${custom_fields.id}` and `${custom_fields.values}`."""

    exact: bool
    max_values: Positive = 500


FilterEntry: TypeAlias = ValuesFilterEntry | RangeFilterEntry | CustomFieldsFilterEntry


class ColumnEntry(Section, frozen=True, kw_only=True):
    """`[[columns]]`.

    Of several paths, the first with a value counts, unless the first step of `decode` joins them.
    `key_of` makes a key of other columns, which are never null and never change.
    `changes_by_time` is true if the value may change without `updatedAt`. `meaning` is that of
    `expiryDate`: until when to finish, until when something done is valid, or both, by state.
    """

    name: str
    path: str | tuple[str, ...] = ""
    type: ColumnType
    nullable: bool = True
    optional: bool = False
    values: tuple[str, ...] = ()
    closed: bool = False
    filter: str | None = None
    order: str | None = None
    label: str = ""
    published: bool = True
    personal: bool = False
    decode: tuple[str | dict[str, Any], ...] = ()
    key_of: tuple[str, ...] = ()
    changes_by_time: bool = False
    meaning: Literal["due", "validity", "by_state", "unknown"] = "unknown"


class MappedField(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[custom_fields.mapped]]`; `personal` None inherits `[custom_fields]`."""

    id: str
    name: str
    label: str = ""
    personal: bool | None = None
    type: ColumnType = "Edm.String"
    decode: tuple[str | dict[str, Any], ...] = ()


class LimitsSection(Section, frozen=True):
    """`[limits]`."""

    calls_per_second: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    burst: Positive | None = None


class CustomFieldsSection(Section, frozen=True):
    """`[custom_fields]`: a list of objects, or one object whose members are named by field IDs.

    With `shape = "object"`, `value` is a path inside each member, `""` for the member itself.
    """

    path: str
    id: str = ""
    value: str = ""
    label: str = ""
    shape: Literal["list", "object"] = "list"
    filter: str | None = None
    personal: bool = False
    mapped: tuple[MappedField, ...] = ()


class Extract(Section, frozen=True):
    """`[extract]`.

    An empty `order_by`: no column can order the rows, so they are read until two passes agree.
    """

    order_by: str = ""
    overlap_seconds: Annotated[int, Meta(ge=0)] = 120


class StatisticEntry(Section, frozen=True):
    """`[statistics.*]`."""

    kind: Literal["rows", "distinct", "not-null", "average", "values"]
    member: str
    exact: bool
    column: str = ""


class SetColumnEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[sets]] columns` and `[[measures]]`; `needs` is a meaning of `expiryDate`, for measures."""

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
    needs: Literal["", "due", "validity"] = ""


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


class AliasEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[aliases]]`: an old name of a column that is published through the day `until` (UTC).

    `table` names a table that is made of results, whose own columns it renames; without it, the
    column is one of the results, and of every table that copies it.
    """

    name: str
    of: str
    until: date
    table: str = ""


class ContractFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    format: Literal[2]
    service: Service
    upstream: UpstreamSection
    endpoints: Endpoints
    request: RequestSection
    response: ResponseSection
    columns: tuple[ColumnEntry, ...]
    pages: PagesSection = PagesSection()
    order: OrderSection | None = None
    filters: dict[str, FilterEntry] = {}
    extract: Extract = Extract()
    custom_fields: CustomFieldsSection | None = None
    limits: LimitsSection = LimitsSection()
    statistics: dict[str, StatisticEntry] = {}
    sets: tuple[SetEntry, ...] = ()
    measures: tuple[SetColumnEntry, ...] = ()
    navigation: tuple[NavigationEntry, ...] = ()
    aliases: tuple[AliasEntry, ...] = ()
    labels: dict[str, str] = {}
