"""Contract file -> `Contract`; `gateway.contract.rules` checks what its types cannot express.

Callers read the file and pass its text; this module reads only the built-in file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Literal

import msgspec

from gateway.contract import file, format1
from gateway.contract.aliases import add_aliases
from gateway.contract.columns import build_columns
from gateway.contract.headers import check_headers
from gateway.contract.labels import check_labels, label_columns, label_tables
from gateway.contract.lines import condition_lines
from gateway.contract.model import (
    Column,
    Contract,
    CustomFieldShape,
    Pages,
    Paging,
    RateLimit,
    Stop,
)
from gateway.contract.naming import column_name, free_name
from gateway.contract.rules import check_columns, check_contract, check_file, is_property_name
from gateway.contract.sets import build_sets, navigation_names
from gateway.contract.shapes import member_path, request_shape, response_shape
from gateway.contract.shrink import shrink
from gateway.contract.statistics_rules import build_statistics
from gateway.contract.wrong_entries import describe
from gateway.errors import ConfigurationProblem


def built_in_contract() -> str:
    """Return the text of the contract file that ships with the gateway."""
    return files("gateway.contract").joinpath("skillhabit.toml").read_text("utf-8")


def load_contract(
    text: str,
    custom_fields: tuple[tuple[str, str], ...] = (),
    aliases: tuple[tuple[str, str, date], ...] = (),
    labels: tuple[tuple[str, str], ...] = (),
) -> Contract:
    """Read a contract file; `custom_fields` are (label, field id) added to the file's own.

    `aliases` are (old name, column, last day) added likewise, with `TABLE.` before names of a table
    that is made of results. `labels` are (key, name for people), before the file's own.

    Their columns are named after the labels; see `gateway.contract.naming`.

    Raises:
        ConfigurationProblem: with the table and key of the file to change.
    """
    parsed = _with_aliases(read_file(text), aliases)
    fields = parsed.custom_fields
    if custom_fields and fields is None:
        raise ConfigurationProblem(
            "contract file: there is no table [custom_fields], which says where a row has its"
            " custom fields; add it, or remove `custom_field` from the settings"
        )
    own = () if fields is None else fields.mapped
    mapped = (*own, *_named(parsed, custom_fields))
    check_file(parsed)
    named = {**parsed.labels, **dict(labels)}
    parsed = msgspec.structs.replace(parsed, labels={})  # no snapshot depends on names for people
    columns = label_columns(build_columns(parsed, mapped), named)
    columns = add_aliases(columns, parsed.aliases)
    check_columns(columns, parsed.service.key)
    digest = hashlib.sha256(repr((parsed, mapped)).encode()).hexdigest()
    contract = _assemble(parsed, columns, digest[:16], condition_lines(text))
    check_labels(named, columns, contract.schema)
    schema, derived = label_tables(contract.schema, contract.derived, named)
    contract = replace(contract, schema=schema, derived=derived)
    check_contract(contract)
    check_headers(contract.request.headers)
    return contract


def _with_aliases(
    parsed: file.ContractFile, aliases: tuple[tuple[str, str, date], ...]
) -> file.ContractFile:
    """Return the file with the aliases of settings added to its own."""
    added = []
    for old, column, until in aliases:
        table, _, name = old.rpartition(".")
        own = "" if table == parsed.service.entity_set else table
        added.append(file.AliasEntry(name, column, until, own))
    return msgspec.structs.replace(parsed, aliases=(*parsed.aliases, *added))


def read_file(text: str) -> file.ContractFile:
    """Return the parsed file, in format 2 whatever its own format is.

    Raises:
        ConfigurationProblem: the file is not TOML, or a table or key is not of its format.
    """
    body = text.encode()
    shape: type = file.ContractFile
    try:
        if msgspec.toml.decode(body, type=_Format).format == 1:
            shape = format1.ContractFile
            return format1.import_format1(body)
        return msgspec.toml.decode(body, type=file.ContractFile)
    except msgspec.DecodeError as error:
        raise ConfigurationProblem(f"contract file: {describe(error, text, shape)}") from error


class _Format(msgspec.Struct):
    """The format of a file."""

    format: Literal[1, 2]


def _named(
    parsed: file.ContractFile, custom_fields: tuple[tuple[str, str], ...]
) -> Iterator[file.MappedField]:
    """Yield the custom fields of settings, each with a free name made from its label."""
    taken = [entry.name for entry in parsed.columns]
    taken += [] if parsed.custom_fields is None else [f.name for f in parsed.custom_fields.mapped]
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
    shrunk = shrink(parsed)
    schema, derived = build_sets(shrunk.file, columns, lines)
    statistics = parsed.endpoints.statistics
    return Contract(
        base_url=parsed.upstream.base_url.rstrip("/"),
        results_path=parsed.endpoints.results.path,
        statistics_path="" if statistics is None else statistics.path,
        request=request_shape(parsed),
        response=response_shape(shrunk.file.response),
        custom_fields=_field_shape(parsed.custom_fields),
        columns=columns,
        key=parsed.service.key,
        schema=schema,
        order_column=parsed.extract.order_by,
        overlap_seconds=parsed.extract.overlap_seconds,
        fingerprint=fingerprint,
        rate_limit=_rate_limit(parsed.limits),
        derived=derived,
        statistics=(
            () if statistics is None else build_statistics(shrunk.file.statistics, columns)
        ),
        has_total=_has_total(parsed.response),
        pages=_pages(parsed.pages),
        left_out=shrunk.left_out,
    )


def _field_shape(fields: file.CustomFieldsSection | None) -> CustomFieldShape:
    if fields is None:
        return CustomFieldShape((), "", "", "")
    is_object = fields.shape == "object"
    return CustomFieldShape(
        member_path(fields.path), fields.id, fields.value, fields.label, is_object
    )


def _has_total(response: file.ResponseSection) -> bool:
    """Return True if the upstream states the number of rows, not only of pages."""
    is_stated = response.total is not None or response.total_header is not None
    return is_stated and response.total_counts == "rows"


def _pages(pages: file.PagesSection) -> Pages:
    return Pages(Paging(pages.kind), pages.first, pages.deepest, Stop(pages.stop))


def _rate_limit(limits: file.LimitsSection) -> RateLimit | None:
    """Return the limit of calls, None if not set; `burst` is 1 by default."""
    if limits.calls_per_second is None:
        return None
    return RateLimit(limits.calls_per_second, limits.burst or 1)
