"""A URL relative to the service root: path and query together (Part 2, 2 and 4.4)."""

from __future__ import annotations

from grammar.errors import ODataSyntaxError
from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.options import parse_query_options
from grammar.parse.paths import parse_resource_path
from grammar.parse.url import split_path, split_query
from grammar.tree.options import QueryOptions
from grammar.tree.resource import ResourcePath


def parse_relative_url(
    raw: bytes, limits: Limits = DEFAULT_LIMITS
) -> tuple[ResourcePath, QueryOptions]:
    """What a part of a $batch, an `$id` or a link refers to; `raw` is still percent-encoded.

    >>> path, options = parse_relative_url(b"Results('a')?$select=id")
    >>> path.segments[0].name, options.select
    ('Results', (SelectItem(path=('id',), options=None, parameters=None),))

    Raises:
        ODataSyntaxError: also for `$entity` without `$id`, which refers to nothing.
    """
    raw_path, _, raw_query = raw.partition(b"?")
    path = parse_resource_path(split_path(raw_path), limits)
    options = parse_query_options(split_query(raw_query), limits)
    if path.segments and path.segments[0].name == "$entity" and options.id is None:
        hint = "for example $entity?$id=Results('a')"
        raise ODataSyntaxError("$entity needs the option $id", option="path", hint=hint)
    return path, options
