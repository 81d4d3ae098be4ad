"""What the service evaluates: the one table from which `$metadata` is announced.

Clients plan by it: Power Query folds a function only when it is listed. What stands here must work
and what does not work must not stand here; tests/web/test_capabilities.py asks for each entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Conformance(StrEnum):
    """Levels of Protocol 13, as the Capabilities vocabulary spells them."""

    MINIMAL = "Minimal"
    INTERMEDIATE = "Intermediate"
    ADVANCED = "Advanced"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One entry for each feature that not every service has.

    `formats` are media types of data, `metadata_formats` of the model, `batch_formats` of `$batch`;
    none of the last means no `$batch`, and no `transformations` no `$apply`. `collection_counts`
    tells that `/$count` of a collection property stands in expressions. `expand_levels` is how deep
    $expand may go.
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
"""What works today, but for what $filter and $apply can use, which `gateway.query` lists."""
