"""`[[columns]]` and `[[custom_fields.mapped]]` of a contract file -> columns and filters."""

from __future__ import annotations

from gateway.contract import file
from gateway.contract.decoding import Instant, makes_list, parse_steps
from gateway.contract.instants import checked_notation, checked_zone, is_exact_on_grid
from gateway.contract.model import (
    Column,
    ColumnSource,
    CustomFieldFilter,
    Filter,
    RangeFilter,
    ValuesFilter,
)
from gateway.contract.shapes import member_path, safe_values
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem


def build_columns(
    parsed: file.ContractFile, mapped: tuple[file.MappedField, ...]
) -> tuple[Column, ...]:
    """Return the columns of the file, then those of custom fields.

    Raises:
        ConfigurationProblem: a filter or a step of `decode` is unknown.
    """
    plain = tuple(_column(parsed, entry) for entry in parsed.columns)
    fields = parsed.custom_fields
    if fields is None:
        return plain
    return plain + tuple(_custom_column(parsed, fields, entry) for entry in mapped)


def _column(parsed: file.ContractFile, entry: file.ColumnEntry) -> Column:
    paths = (entry.path,) if isinstance(entry.path, str) else entry.path
    steps = paths[0].split(".") if paths else [""]
    each = next((i for i, step in enumerate(steps) if step.endswith("[]")), None)
    source = _source(entry, paths)
    decode = () if source is None else source.steps
    prop = Property(
        name=entry.name,
        type=PrimitiveType(entry.type),
        nullable=entry.nullable,
        collection=makes_list(decode) if _ends_list(entry) else each is not None,
        label=entry.label,
        allowed_values=entry.values if entry.closed else (),
        known_values=entry.values,
        personal=entry.personal,
        meaning=entry.meaning,
    )
    return Column(
        prop,
        tuple(step.removesuffix("[]") for step in steps),
        each,
        entry.optional,
        None if entry.filter is None else _filter(parsed, entry.name, entry.filter),
        entry.order,
        published=entry.published,
        source=source,
        changes_by_time=entry.changes_by_time,
    )


def _ends_list(entry: file.ColumnEntry) -> bool:
    """Return True if a step makes a list, or one value of a list."""
    names = {name for step in entry.decode for name in ((step,) if isinstance(step, str) else step)}
    return bool(names & {"split", "join", "first"})


def _source(entry: file.ColumnEntry, paths: tuple[str, ...]) -> ColumnSource | None:
    """Return the source of the value; None if it is the member at the path."""
    is_plain = len(paths) == 1 and not entry.decode and not entry.key_of
    if is_plain and "[" not in paths[0].replace("[]", ""):
        return None
    return ColumnSource(
        tuple(member_path(path) for path in paths if path),
        parse_steps(entry.decode, entry.name),
        entry.key_of,
    )


def _custom_column(
    parsed: file.ContractFile, fields: file.CustomFieldsSection, entry: file.MappedField
) -> Column:
    personal = fields.personal if entry.personal is None else entry.personal
    label = entry.label or entry.name
    steps = parse_steps(entry.decode, entry.name)
    prop = Property(
        entry.name,
        PrimitiveType(entry.type),
        collection=makes_list(steps),
        label=label,
        personal=personal,
    )
    found: Filter | None = None
    if fields.filter is not None and entry.type == "Edm.String":
        declared = parsed.filters.get(fields.filter)
        if not isinstance(declared, file.CustomFieldsFilterEntry):
            raise ConfigurationProblem(
                f"contract file: [custom_fields] filter = {fields.filter!r} must name a table"
                ' [filters.*] with kind = "custom-fields"'
            )
        found = CustomFieldFilter(entry.id, declared.exact, declared.max_values)
    source = ColumnSource((), steps) if steps or entry.type != "Edm.String" else None
    return Column(
        prop,
        member_path(fields.path),
        optional=True,
        filter=found,
        field_id=entry.id,
        source=source,
    )


def _instant(name: str, entry: file.RangeFilterEntry) -> Instant:
    """Return the notation of a range's ends; refuse one that the upstream could misread."""
    place = f"contract file: [filters.{name}]"
    try:
        zone = checked_zone(entry.zone)
    except ValueError as error:
        raise ConfigurationProblem(
            f'{place} zone = {entry.zone!r} is not a time zone: write "UTC" or "Europe/Berlin"'
        ) from error
    step = entry.resolution_milliseconds
    try:
        checked_notation(entry.instant.replace("%L", "000"))
        is_exact = is_exact_on_grid(entry.instant, zone, step)
    except ValueError:
        is_exact = False
    if not is_exact:
        raise ConfigurationProblem(
            f"{place} instant = {entry.instant!r} cannot express all instants that are multiples"
            f" of {step} milliseconds: write iso, epoch_seconds, epoch_milliseconds or a pattern"
            " with all their parts, a larger resolution_milliseconds, or a zone without summer time"
        )
    return Instant(entry.instant, zone)


def _filter(parsed: file.ContractFile, column: str, name: str) -> Filter:
    match parsed.filters.get(name):
        case file.ValuesFilterEntry() as entry:
            return ValuesFilter(name, entry.exact, entry.max_values, safe_values(parsed, name))
        case file.RangeFilterEntry() as entry:
            return RangeFilter(
                name,
                entry.from_inclusive,
                entry.to_inclusive,
                entry.resolution_milliseconds,
                entry.exact,
                _instant(name, entry),
                entry.open_from,
                entry.open_to,
            )
        case _:
            raise ConfigurationProblem(
                f"contract file: column {column!r}: filter = {name!r} must name a table [filters.*]"
                ' with kind = "values" or "range"'
            )
