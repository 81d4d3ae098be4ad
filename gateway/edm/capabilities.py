"""The features of the service, in the one table that `$metadata` announces.

Clients rely on it: Power Query folds a function only if it is listed. The table must list what
works and nothing else; tests/web/test_capabilities.py requests each entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Conformance(StrEnum):
    """Conformance levels of Protocol 13, as the Capabilities vocabulary spells them."""

    MINIMAL = "Minimal"
    INTERMEDIATE = "Intermediate"
    ADVANCED = "Advanced"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The optional features, each with an entry.

    `formats` are media types of data, `metadata_formats` of the model, `batch_formats` of `$batch`;
    without the last there is no `$batch`, without `transformations` no `$apply`.
    `collection_counts` is true if expressions may use `/$count` of a collection property.
    `expand_levels` is the maximal depth of $expand.
    """

    conformance: Conformance
    formats: tuple[str, ...]
    metadata_formats: tuple[str, ...]
    filter_functions: tuple[str, ...] = ()
    transformations: tuple[str, ...] = ()
    batch_formats: tuple[str, ...] = ()
    asynchronous: bool = False
    change_tracking: bool = False
    collection_counts: bool = False
    compute: bool = False
    cross_join: bool = False
    expand: bool = False
    expand_levels: int = 1
    key_as_segment: bool = False
    query_segment: bool = False
    search: bool = False


CAPABILITIES = Capabilities(
    conformance=Conformance.ADVANCED,
    formats=(
        "application/json",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
    ),
    metadata_formats=("application/xml", "application/json"),
    batch_formats=("multipart/mixed", "application/json"),
    change_tracking=True,
    query_segment=True,
    collection_counts=True,
    compute=True,
    expand=True,
    search=True,
)
"""The supported features, without those of $filter and $apply, which `gateway.query` lists."""
