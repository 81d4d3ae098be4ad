"""Removed rows in a delta response (JSON Format 15.3).

4.0 writes an object with another context, `id` and `reason`; 4.01 writes a row with only `@removed`
and `@id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.writer.format import Format
from gateway.writer.links import Links


def projection_of_removed(query: BoundQuery, format_: Format, links: Links) -> Projection:
    """Return the projection of a removed row: only its id."""
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
    """Yield removed rows; each of `left` is an object with the id, and whether the row is gone.

    The reason `changed` means that the row no longer belongs to the collection but may exist.
    """
    context = msgspec.json.encode(links.deleted(query.entity_set.name))
    for row, gone in left:
        reason = b"deleted" if gone else b"changed"
        if format_.version == "4.0":
            yield b'{"@odata.context":%s,%s,"reason":"%s"}' % (context, row[1:-1], reason)
        else:
            yield b'{"@removed":{"reason":"%s"},%s' % (reason, row[1:])
