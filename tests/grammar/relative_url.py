"""A URL relative to the service root: path and query together (Part 2, 2 and 4.4)."""

from __future__ import annotations

from grammar import (
    ODataSyntaxError,
    QueryOptions,
    ResourcePath,
    parse_query_options,
    parse_resource_path,
    split_path,
    split_query,
)


def parse_relative_url(raw: bytes) -> tuple[ResourcePath, QueryOptions]:
    """Parse a percent-encoded URL as the service parses the URL of a request.

    Raises:
        ODataSyntaxError: also for `$entity` without `$id`, which refers to nothing.
    """
    raw_path, _, raw_query = raw.partition(b"?")
    path = parse_resource_path(split_path(raw_path))
    options = parse_query_options(split_query(raw_query))
    if path.segments and path.segments[0].name == "$entity" and options.id is None:
        hint = "for example $entity?$id=Results('a')"
        raise ODataSyntaxError("$entity needs the option $id", option="path", hint=hint)
    return path, options
