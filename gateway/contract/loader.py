"""Contract file -> `Contract`; `gateway.contract.rules` checks what its types cannot express.

Callers read the file and pass its text; this module reads only the built-in file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files

import msgspec

from gateway.contract import file
from gateway.contract.lines import condition_lines
from gateway.contract.model import (
    Column,
    Contract,
    CustomFieldFilter,
    CustomFieldShape,
    Filter,
    MemberPath,
    RangeFilter,
    RateLimit,
    RequestShape,
    ResponseShape,
    ValuesFilter,
)
from gateway.contract.naming import column_name, free_name
from gateway.contract.rules import check_columns, check_contract, check_file, is_property_name
from gateway.contract.sets import build_sets, navigation_names
from gateway.contract.statistics_rules import build_statistics
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem


def built_in_contract() -> str:
    """Return the text of the contract file that ships with the gateway."""
    return files("gateway.contract").joinpath("skillhabit.toml").read_text("utf-8")


def load_contract(text: str, custom_fields: tuple[tuple[str, str], ...] = ()) -> Contract:
    """Read a contract file; `custom_fields` are (label, field id) added to the file's own.

    Their columns are named after the labels; see `gateway.contract.naming`.

    Raises:
        ConfigurationProblem: with the table and key of the file to change.
    """
    try:
        parsed = msgspec.toml.decode(text.encode(), type=file.ContractFile)
    except msgspec.DecodeError as error:
        raise ConfigurationProblem(f"contract file: {error}") from error
    mapped = (*parsed.custom_fields.mapped, *_named(parsed, custom_fields))
    check_file(parsed)
    columns = _build_columns(parsed, mapped)
    check_columns(columns, parsed.service.key)
    digest = hashlib.sha256(repr((parsed, mapped)).encode()).hexdigest()
    contract = _assemble(parsed, columns, digest[:16], condition_lines(text))
    check_contract(contract)
    return contract


def _named(
    parsed: file.ContractFile, custom_fields: tuple[tuple[str, str], ...]
) -> Iterator[file.MappedField]:
    """Yield the custom fields of settings, each with a free name made from its label."""
    taken = [entry.name for entry in parsed.columns]
    taken += [field.name for field in parsed.custom_fields.mapped]
    taken += navigation_names(parsed.navigation, parsed.service.entity_set)
    for label, field_id in custom_fields:
        name = label if is_property_name(label) else column_name(label, ())
        taken.append(free_name(name, taken))
        yield file.MappedField(field_id, taken[-1], label)


def _assemble(
    parsed: file.ContractFile,
    columns: tuple[Column, ...],
    fingerprint: str,
    lines: Mapping[str, int],
) -> Contract:
    request, response, fields = parsed.request, parsed.response, parsed.custom_fields
    schema, derived = build_sets(parsed, columns, lines)
    return Contract(
        base_url=parsed.upstream.base_url.rstrip("/"),
        results_path=parsed.endpoints.results.path,
        statistics_path=parsed.endpoints.statistics.path,
        request=RequestShape(
            limit=_path(request.limit.member),
            skip=_path(request.skip.member),
            order_by=_path(request.order_by.member),
            order=_path(request.order.member),
            ascending=request.order.ascending,
            descending=request.order.descending,
            page_limit=request.limit.maximum,
        ),
        response=ResponseShape(
            _path(response.rows.member),
            _path(response.total.member),
            _path(response.error.member),
            response.rows.repeated,
        ),
        custom_fields=CustomFieldShape(_path(fields.path), fields.id, fields.value, fields.label),
        columns=columns,
        key=parsed.service.key,
        schema=schema,
        order_column=parsed.extract.order_by,
        overlap_seconds=parsed.extract.overlap_seconds,
        fingerprint=fingerprint,
        rate_limit=_rate_limit(parsed.limits),
        derived=derived,
        statistics=build_statistics(parsed.statistics, columns),
    )


def _rate_limit(limits: file.LimitsSection) -> RateLimit | None:
    """Return the limit of calls, None if not set; `burst` is 1 by default."""
    if limits.calls_per_second is None:
        return None
    return RateLimit(limits.calls_per_second, limits.burst or 1)


def _build_columns(
    parsed: file.ContractFile, mapped: tuple[file.MappedField, ...]
) -> tuple[Column, ...]:
    plain = tuple(_column(parsed, entry) for entry in parsed.columns)
    return plain + tuple(_custom_column(parsed, entry) for entry in mapped)


def _column(parsed: file.ContractFile, entry: file.ColumnEntry) -> Column:
    steps = entry.path.split(".")
    each = next((i for i, step in enumerate(steps) if step.endswith("[]")), None)
    prop = Property(
        name=entry.name,
        type=PrimitiveType(entry.type),
        nullable=entry.nullable,
        collection=each is not None,
        label=entry.label,
        allowed_values=entry.values if entry.closed else (),
        known_values=entry.values,
        personal=entry.personal,
    )
    path = tuple(step.removesuffix("[]") for step in steps)
    found = None if entry.filter is None else _filter(parsed, entry.name, entry.filter)
    return Column(prop, path, each, entry.optional, found, entry.order, published=entry.published)


def _custom_column(parsed: file.ContractFile, entry: file.MappedField) -> Column:
    fields = parsed.custom_fields
    personal = fields.personal if entry.personal is None else entry.personal
    label = entry.label or entry.name
    prop = Property(entry.name, PrimitiveType.STRING, label=label, personal=personal)
    found: Filter | None = None
    if fields.filter is not None:
        declared = parsed.filters.get(fields.filter)
        if not isinstance(declared, file.CustomFieldsFilterEntry):
            raise ConfigurationProblem(
                f"contract file: [custom_fields] filter = {fields.filter!r} must name a table"
                ' [filters.*] with kind = "custom-fields"'
            )
        found = CustomFieldFilter(
            _path(declared.member),
            declared.id,
            declared.values,
            entry.id,
            declared.exact,
            declared.max_values,
        )
    return Column(prop, _path(fields.path), optional=True, filter=found, field_id=entry.id)


def _filter(parsed: file.ContractFile, column: str, name: str) -> Filter:
    match parsed.filters.get(name):
        case file.ValuesFilterEntry() as entry:
            return ValuesFilter(_path(entry.member), entry.exact, entry.max_values)
        case file.RangeFilterEntry() as entry:
            base = _path(entry.member)
            return RangeFilter(
                (*base, entry.from_),
                (*base, entry.to),
                entry.from_inclusive,
                entry.to_inclusive,
                entry.resolution_milliseconds,
                entry.exact,
            )
        case _:
            raise ConfigurationProblem(
                f"contract file: column {column!r}: filter = {name!r} must name a table [filters.*]"
                ' with kind = "values" or "range"'
            )


def _path(dotted: str) -> MemberPath:
    return tuple(dotted.split("."))
