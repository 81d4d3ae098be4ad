"""Contract files of format 1, converted to format 2.

Format 1 names the members of the request one by one; format 2 has a template of the whole body.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from gateway.contract import file
from gateway.errors import ConfigurationProblem


class MemberPath(file.Section, frozen=True):
    """A member of a request or response, as a dotted path."""

    member: str


class Limit(MemberPath, frozen=True):
    """`[request.limit]`."""

    maximum: file.Positive


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


class ValuesFilterEntry(file.Section, frozen=True, tag_field="kind", tag="values"):
    """`kind = "values"`."""

    member: str
    exact: bool
    max_values: file.Positive = 500


class RangeFilterEntry(file.Section, frozen=True, tag_field="kind", tag="range"):
    """`kind = "range"`; `from` and `to` are members inside `member`."""

    member: str
    from_: str = field(name="from")
    to: str
    from_inclusive: bool
    to_inclusive: bool
    exact: bool
    resolution_milliseconds: file.Positive = 1


class CustomFieldsFilterEntry(file.Section, frozen=True, tag_field="kind", tag="custom-fields"):
    """`kind = "custom-fields"`."""

    member: str
    id: str
    values: str
    exact: bool
    max_values: file.Positive = 500


class ContractFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal[1]
    service: file.Service
    upstream: file.UpstreamSection
    endpoints: file.Endpoints
    request: RequestSection
    response: ResponseSection
    filters: dict[str, ValuesFilterEntry | RangeFilterEntry | CustomFieldsFilterEntry]
    columns: tuple[file.ColumnEntry, ...]
    extract: file.Extract
    custom_fields: file.CustomFieldsSection
    limits: file.LimitsSection = file.LimitsSection()
    statistics: dict[str, file.StatisticEntry] = {}
    sets: tuple[file.SetEntry, ...] = ()
    measures: tuple[file.SetColumnEntry, ...] = ()
    navigation: tuple[file.NavigationEntry, ...] = ()


def import_format1(text: bytes) -> file.ContractFile:
    """Read a file of format 1 as one of format 2.

    Raises:
        ConfigurationProblem: members of the request overlap.
        msgspec.DecodeError: the file is not of format 1.
    """
    old = msgspec.toml.decode(text, type=ContractFile)
    return file.ContractFile(
        format=2,
        service=old.service,
        upstream=old.upstream,
        endpoints=old.endpoints,
        request=file.RequestSection(_body(old)),
        pages=file.PagesSection(largest=old.request.limit.maximum),
        order=file.OrderSection(
            ascending=old.request.order.ascending, descending=old.request.order.descending
        ),
        response=file.ResponseSection(
            rows=old.response.rows.member,
            total=old.response.total.member,
            error=(old.response.error.member,),
            repeated=old.response.rows.repeated,
        ),
        filters={name: _filter(entry) for name, entry in old.filters.items()},
        columns=old.columns,
        extract=old.extract,
        custom_fields=old.custom_fields,
        limits=old.limits,
        statistics=old.statistics,
        sets=old.sets,
        measures=old.measures,
        navigation=old.navigation,
    )


def _body(old: ContractFile) -> dict[str, Any]:
    """Return the template of the body."""
    body: dict[str, Any] = {}
    request = old.request
    _put(body, request.limit.member, "${limit}")
    _put(body, request.skip.member, "${skip}")
    _put(body, request.order_by.member, "${order.field}")
    _put(body, request.order.member, "${order.direction}")
    for name, entry in old.filters.items():
        match entry:
            case ValuesFilterEntry(member=member):
                _put(body, member, f"${{{name}}}")
            case RangeFilterEntry(member=member):
                _put(body, f"{member}.{entry.from_}", f"${{{name}.from}}")
                _put(body, f"{member}.{entry.to}", f"${{{name}.to}}")
            case CustomFieldsFilterEntry(member=member):
                ids, values = "${custom_fields.id}", "${custom_fields.values}"
                _put(body, member, [{entry.id: ids, entry.values: values}])
    return body


def _put(body: dict[str, Any], member: str, value: object) -> None:
    *steps, last = member.split(".")
    inner: Any = body
    for step in steps:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or last in inner:
        raise ConfigurationProblem(
            f"contract file: the request member {member!r} overlaps with another one; give each"
            " its own path"
        )
    inner[last] = value


def _filter(
    entry: ValuesFilterEntry | RangeFilterEntry | CustomFieldsFilterEntry,
) -> file.FilterEntry:
    match entry:
        case ValuesFilterEntry():
            return file.ValuesFilterEntry(
                exact=entry.exact, max_values=entry.max_values, source=entry.source
            )
        case RangeFilterEntry():
            return file.RangeFilterEntry(
                from_inclusive=entry.from_inclusive,
                to_inclusive=entry.to_inclusive,
                exact=entry.exact,
                resolution_milliseconds=entry.resolution_milliseconds,
                source=entry.source,
            )
        case CustomFieldsFilterEntry():
            return file.CustomFieldsFilterEntry(
                exact=entry.exact, max_values=entry.max_values, source=entry.source
            )
