"""The rules of the request's templates: every filter and page reaches the upstream as intended.

A filter that is not sent, or sent in part, loses rows or counts too many, with no error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from gateway.contract import file
from gateway.contract.model import Contract, CustomFieldFilter, RangeFilter, ValuesFilter
from gateway.contract.shapes import PAGE_NAMES, request_shape
from gateway.contract.template import EACH, Use
from gateway.errors import ConfigurationProblem

_RESERVED = frozenset({"limit", "skip", "page", "cursor", "order", "env"})
_FILTER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_placeholders(parsed: file.ContractFile) -> None:
    """Refuse placeholders without a meaning, or with one that does not fit their place.

    Raises:
        ConfigurationProblem: names the body and the placeholder.
    """
    known = set(PAGE_NAMES)
    for name, entry in parsed.filters.items():
        _check_filter_name(name, entry)
    for name, entry in parsed.filters.items():
        match entry:
            case file.ValuesFilterEntry():
                known.add(name)
            case file.RangeFilterEntry():
                known |= {f"{name}.from", f"{name}.to"}
            case file.CustomFieldsFilterEntry():
                known |= {"custom_fields.id", "custom_fields.values"}
    shape = request_shape(parsed)
    for place, body in (("body", shape.body), ("statistics_body", shape.statistics_body)):
        for use in sorted(body.uses(), key=lambda use: use.name):
            remedy = _misuse(use, parsed.filters, known)
            if remedy:
                raise _problem(f"[request] {place}", f"${{{use.name}}}", remedy)


def _check_filter_name(name: str, entry: file.FilterEntry) -> None:
    fields = name == EACH and not isinstance(entry, file.CustomFieldsFilterEntry)
    if _FILTER_NAME.fullmatch(name) is None or name in _RESERVED or fields:
        raise _problem(
            "[filters]",
            name,
            "is not a valid filter name: use letters, digits and underscores, but none of"
            f" {', '.join(sorted({*_RESERVED, EACH}))}",
        )


def _misuse(use: Use, filters: Mapping[str, file.FilterEntry], known: Collection[str]) -> str:
    """Return what is wrong with a placeholder; empty if nothing is."""
    name = _without_view(use.name)
    if name not in known:
        return f"is unknown; there are {', '.join(sorted(known))}"
    entry = filters.get(name)
    if isinstance(entry, file.ValuesFilterEntry):
        if use.name == name and use.in_text:
            return f"is a list: write ${{{name}.text}} inside a longer text"
        if use.name == f"{name}.first" and entry.max_values > 1:
            return f"sends one value only: set max_values = 1 in [filters.{name}]"
    elif use.name != name:
        return f"has one value: write ${{{name}}}"
    if name.startswith(f"{EACH}.") and not use.repeats:
        return "must be in an element of a list, or in the only name of an object"
    if name == f"{EACH}.values" and use.in_text:
        return "is a list and cannot be a part of a longer text"
    return ""


def check_filters_are_sent(contract: Contract) -> None:
    """Refuse filters and pages that a request cannot express: all rows would count as filtered.

    Raises:
        ConfigurationProblem: names the body and the placeholder.
    """
    wanted = {"offset": "skip", "page_number": "page", "cursor": "cursor"}
    needed = {wanted[contract.pages.kind.value], *_filter_names(contract)}
    said = {_without_view(name) for name in contract.request.body.names}
    for name in sorted(needed - said):
        raise _problem("[request] body", f"${{{name}}}", "is missing, so it would never be sent")
    if contract.statistics_path:
        said = {_without_view(name) for name in contract.request.statistics_body.names}
        for name in sorted(_filter_names(contract) - said):
            raise _problem(
                "[request] statistics_body",
                f"${{{name}}}",
                "is missing, so statistics would count all rows; add it, or remove"
                " [endpoints.statistics]",
            )


def _filter_names(contract: Contract) -> frozenset[str]:
    found: set[str] = set()
    for column in contract.columns:
        match column.filter:
            case RangeFilter(name=name):
                found |= {f"{name}.from", f"{name}.to"}
            case CustomFieldFilter():
                found |= {"custom_fields.id", "custom_fields.values"}
            case ValuesFilter(name=name):
                found.add(name)
            case None:
                continue
    return frozenset(found)


def _without_view(name: str) -> str:
    return name.removesuffix(".first").removesuffix(".text")


def _problem(place: str, value: str, remedy: str) -> ConfigurationProblem:
    return ConfigurationProblem(f"contract file: {place} = {value!r} {remedy}")
