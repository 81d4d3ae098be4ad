"""The rules of a contract file that its types cannot express.

Each violation is a `ConfigurationProblem` that names the table and the key to change. A rule is
here if violating it would cause wrong rows or a failure of a later request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.contract import file
from gateway.contract.model import Column, Contract, RangeFilter
from gateway.contract.naming import is_word
from gateway.contract.template_rules import check_filters_are_sent, check_placeholders
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem

_NO_NAME = (
    "is not a name: use letters, digits and underscores, starting with a letter, but no word of"
    " OData's language such as null or in"
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def check_file(parsed: file.ContractFile) -> None:
    """Check the rules that need the text of the file.

    Raises:
        ConfigurationProblem: with the table and key.
    """
    _check_service(parsed.service)
    if not parsed.upstream.base_url.startswith(("http://", "https://")):
        raise _problem("[upstream] base_url", parsed.upstream.base_url, "must start with https://")
    for name in ("results", "statistics"):
        endpoint = getattr(parsed.endpoints, name)
        if endpoint is not None and not endpoint.path.startswith("/"):
            raise _problem(f"[endpoints.{name}] path", endpoint.path, "must start with /")
    for entry in parsed.columns:
        _check_path(entry)
        if entry.closed and not entry.values:
            raise _problem(f"column {entry.name!r}: closed", True, "needs `values`")
        if entry.meaning != "unknown" and entry.name != "expiryDate":
            place = f"column {entry.name!r}: meaning"
            raise _problem(place, entry.meaning, "belongs to the column expiryDate only")
    _check_filters_are_not_shared(parsed)
    for place, name in _own_names(parsed):
        if not is_property_name(name):
            raise _problem(place, name, _NO_NAME)
    _check_limits(parsed.limits)
    check_placeholders(parsed)


def check_columns(columns: tuple[Column, ...], key: str) -> None:
    """Check each column, and the key.

    Raises:
        ConfigurationProblem: with the table and key.
    """
    seen: dict[str, str] = {}
    for column in columns:
        _check_name(column, seen)
        _check_column(column)
    _check_key(columns, key)


def check_contract(contract: Contract) -> None:
    """Check the rules that concern several columns.

    Raises:
        ConfigurationProblem: with the table and key.
    """
    check_filters_are_sent(contract)
    _check_repeated(contract)
    _check_order(contract)


def is_property_name(name: str) -> bool:
    """Return True if OData and BI tools accept a name for a column."""
    return _IDENTIFIER.fullmatch(name) is not None and not is_word(name)


def _problem(place: str, value: object, remedy: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"contract file: {place} = {value!r} {remedy}")


def _check_service(service: file.Service) -> None:
    names = (
        *(("namespace", part) for part in service.namespace.split(".")),
        ("container", service.container),
        ("entity_set", service.entity_set),
        ("entity_type", service.entity_type),
    )
    for key, name in names:
        if not is_property_name(name):
            raise _problem(f"[service] {key}", getattr(service, key), _NO_NAME)
    if service.container == service.entity_type:
        raise _problem("[service] container", service.container, "is also the entity_type's name")


def _own_names(parsed: file.ContractFile) -> Iterator[tuple[str, str]]:
    """Yield the names of sets, columns and navigation properties, each with its place."""
    for entry in parsed.sets:
        place = f"[[sets]] {entry.name!r}:"
        yield f"{place} name", entry.name
        yield f"{place} type", entry.type
        yield from ((f"{place} column name", column.name) for column in entry.columns)
    yield from (("[[measures]] name", measure.name) for measure in parsed.measures)
    for link in parsed.navigation:
        yield f"[[navigation]] {link.name!r}: name", link.name
        if link.partner:
            yield f"[[navigation]] {link.name!r}: partner", link.partner


def _check_path(entry: file.ColumnEntry) -> None:
    paths = (entry.path,) if isinstance(entry.path, str) else entry.path
    for path in paths:
        steps = path.split(".")
        if not entry.key_of and not all(step.removesuffix("[]") for step in steps):
            raise _problem(f"column {entry.name!r}: path", path, "has an empty step")
        if sum(step.endswith("[]") for step in steps) > 1:
            raise _problem(f"column {entry.name!r}: path", path, "may contain only one []")


def _check_filters_are_not_shared(parsed: file.ContractFile) -> None:
    users: dict[str, str] = {}
    for entry in parsed.columns:
        if entry.filter is None:
            continue
        other = users.setdefault(entry.filter, entry.name)
        if other != entry.name:
            raise _problem(
                f"column {entry.name!r}: filter",
                entry.filter,
                f"already belongs to the column {other!r}; give each column its own",
            )


def _check_limits(limits: file.LimitsSection) -> None:
    if limits.burst is not None and limits.calls_per_second is None:
        raise _problem(
            "[limits] burst",
            limits.burst,
            "has no effect without calls_per_second; add it, or remove burst",
        )


def _check_name(column: Column, seen: dict[str, str]) -> None:
    if not is_property_name(column.name):
        raise ConfigurationProblem(
            f"contract file: {column.name!r} is not a property name: use letters, digits and"
            " underscores, starting with a letter (BI tools refuse anything else), but no word of"
            " OData's language such as null or in"
        )
    folded = column.name.lower()
    if folded in seen:
        raise ConfigurationProblem(
            f"contract file: two columns are named {seen[folded]!r} and {column.name!r}; names must"
            " differ by more than case (OData 4.01 Protocol 13.2.1)"
        )
    seen[folded] = column.name


def _check_column(column: Column) -> None:
    prop = column.prop
    if prop.known_values and prop.type is not PrimitiveType.STRING:
        raise _problem(f"column {prop.name!r}: type", str(prop.type), "cannot have `values`")
    if column.order is not None and prop.collection:
        raise _problem(f"column {prop.name!r}: order", column.order, "cannot sort a collection")
    if isinstance(column.filter, RangeFilter):
        if prop.type is not PrimitiveType.DATE_TIME_OFFSET or prop.collection:
            raise _problem(
                f"column {prop.name!r}: type",
                str(prop.type),
                "cannot have a range filter: ranges are for single instants",
            )
    elif column.filter is not None and prop.type is not PrimitiveType.STRING:
        raise _problem(
            f"column {prop.name!r}: type",
            str(prop.type),
            "cannot have a values filter: the Analytics API compares texts",
        )


def _check_repeated(contract: Contract) -> None:
    for name in contract.response.repeated:
        columns = [column for column in contract.columns if column.path[0] == name]
        if not columns or any(len(c.path) == 1 or c.each == 0 for c in columns):
            raise _problem(
                "[response] repeated",
                name,
                "must name an object that a column's path goes through",
            )


def _check_key(columns: tuple[Column, ...], name: str) -> None:
    key = next((c.prop for c in columns if c.name == name and c.published), None)
    if key is None or key.nullable or key.collection or key.type is not PrimitiveType.STRING:
        raise ConfigurationProblem(
            f"contract file: [service] key = {name!r} must name a column of type"
            " Edm.String with nullable = false"
        )


def _check_order(contract: Contract) -> None:
    name = contract.order_column
    if not name:
        return
    column = next((c for c in contract.columns if c.name == name), None)
    if column is None or column.order is None or not isinstance(column.filter, RangeFilter):
        raise ConfigurationProblem(
            f"contract file: [extract] order_by = {name!r} must name an Edm.DateTimeOffset column"
            " with `order` and a filter of kind range; remove it if there is none"
        )
    if not {"order.field", "order.direction"} & contract.request.body.names:
        raise _problem("[request] body", "${order.field}", "is missing")
