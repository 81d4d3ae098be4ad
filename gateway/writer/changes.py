"""Rows that are gone, as an answer about changes tells them (JSON Format 15.3).

4.0 and 4.01 say it differently: an object of another context with `id` and `reason`, or a row that
is nothing but `@removed` and `@id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.writer.format import Format
from gateway.writer.links import Links


def projection_of_removed(query: BoundQuery, format_: Format, links: Links) -> Projection:
    """Where the row was."""
    entity_set = query.entity_set
    return Projection(
        properties=(),
        key=entity_set.entity_type.key_properties,
        id_members=("id" if format_.version == "4.0" else "@id",),
        id_prefix=links.entity_prefix(entity_set.name),
    )


def write_removed(
    left: Iterable[tuple[bytes, bool]], query: BoundQuery, format_: Format, links: Links
) -> Iterator[bytes]:
    """Each of `left` is an object with the id, and whether the row is gone from everywhere.

    `changed` says that it only does not belong to the feed any more, as far as is known.
    """
    context = msgspec.json.encode(links.deleted(query.entity_set.name))
    for row, gone in left:
        reason = b"deleted" if gone else b"changed"
        if format_.version == "4.0":
            yield b'{"@odata.context":%s,%s,"reason":"%s"}' % (context, row[1:-1], reason)
        else:
            yield b'{"@removed":{"reason":"%s"},%s' % (reason, row[1:])
