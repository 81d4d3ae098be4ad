"""Rows and annotations -> response bodies (OData JSON Format 4.01).

Rows arrive as JSON objects in UTF-8. The context comes first, annotations before the rows, the
nextLink last; `value` is present even if it is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from gateway.edm.model import EntityType, Property, Schema
from gateway.errors import GatewayError
from gateway.query.tree.projection import Expanded, Projection
from gateway.query.tree.queries import BoundExpand, BoundQuery, ExpandForm
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links


@dataclass(frozen=True, slots=True)
class PageBody:
    """The members of a page besides its rows; None leaves a member out.

    `taken_at` is the term and the value of the annotation for the age of the rows. `instead_of` is
    the annotation for the code of the error that stale rows replace. `delta_link` is on the last
    page if changes are tracked. `changes` is true if the rows are changes (JSON Format 15).
    """

    count: int | None = None
    next_link: str | None = None
    taken_at: tuple[str, str] | None = None
    delta_link: str | None = None
    changes: bool = False
    instead_of: tuple[str, str] | None = None


def write_collection(
    rows: Sequence[bytes], page: PageBody, query: BoundQuery, format_: Format, links: Links
) -> bytes:
    """Return one page of a collection."""
    head: dict[str, object] = {}
    if format_.metadata is not Metadata.NONE:
        head["context"] = links.context(query, format_.version) + (
            "/$delta" if page.changes else ""
        )
    if page.count is not None:
        head["count"] = str(page.count) if format_.ieee754 else page.count
    members = [_member(format_.prefix + name, value) for name, value in head.items()]
    annotations = filter(None, (page.taken_at, page.instead_of))
    members += [_member(f"@{term}", value) for term, value in annotations]
    start = b"".join(b"%s," % member for member in members)
    tail = {"nextLink": page.next_link, "deltaLink": page.delta_link}
    end = b"".join(
        b"," + _member(format_.prefix + name, link) for name, link in tail.items() if link
    )
    return b'{%s"value":[%s]%s}' % (start, b",".join(rows), end)


def write_entity(row: bytes, query: BoundQuery, format_: Format, links: Links) -> bytes:
    """Return one entity, or a reference to one: the row with its context in front."""
    if format_.metadata is Metadata.NONE:
        return row
    context = _member(f"{format_.prefix}context", links.context(query, format_.version))
    return b"{%s,%s" % (context, row[1:])


def write_service_document(schema: Schema, format_: Format, links: Links) -> bytes:
    """Return the list of entity sets (JSON Format 5)."""
    body: dict[str, object] = {}
    if format_.metadata is not Metadata.NONE:
        body[f"{format_.prefix}context"] = links.context()
    body["value"] = [
        {"name": s.name, "kind": "EntitySet", "url": s.name} for s in schema.entity_sets
    ]
    return msgspec.json.encode(body)


def write_error(error: GatewayError) -> bytes:
    """Return an error (JSON Format 21): code and message, never empty, and no context."""
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.target:
        body["target"] = error.target
    if error.details:
        body["details"] = [{"code": error.code, "message": text} for text in error.details]
    return msgspec.json.encode({"error": body})


def projection_for(query: BoundQuery, format_: Format, links: Links, namespace: str) -> Projection:
    """Return the members of each row; the metadata level adds control information (3.1)."""
    if query.references:
        return _reference(query, format_, links)
    if query.apply is None:
        return _entity(query, query.select, format_, links, namespace)
    rows: list[Projection] = []
    for variant in query.apply.rows.variants:
        names = {*variant.names, *(computed.prop.name for computed in query.computed)}
        properties = tuple(prop for prop in query.select if prop.name in names)
        entity = _entity(query, properties, format_, links, namespace)
        rows.append(entity if variant.entity else _transient(entity, format_))
    return rows[0] if len(rows) == 1 else replace(rows[0], variants=tuple(rows))


def _reference(query: BoundQuery, format_: Format, links: Links) -> Projection:
    """Return only the id (14), at every metadata level."""
    entity_set = query.entity_set
    id_member, id_prefix = f"{format_.prefix}id", links.entity_prefix(entity_set.name)
    key = entity_set.entity_type.key_properties
    return Projection(properties=(), key=key, id_members=(id_member,), id_prefix=id_prefix)


def _entity(
    query: BoundQuery,
    properties: tuple[Property, ...],
    format_: Format,
    links: Links,
    namespace: str,
) -> Projection:
    """Return the members of entities.

    Minimal metadata includes the id if the key was not selected (4.6.8). Full metadata includes
    the readLink, because entities cannot be edited.
    """
    entity_type = query.entity_set.entity_type
    key_missing = not set(entity_type.key) <= {p.name for p in properties}
    full = format_.metadata is Metadata.FULL
    wants_id = full or (key_missing and format_.metadata is Metadata.MINIMAL)
    links_of = ("id", *(("readLink",) if full else ())) if wants_id else ()
    type_member = (f"{format_.prefix}type", f"#{namespace}.{entity_type.name}")
    return Projection(
        properties=properties,
        key=entity_type.key_properties,
        computed=query.computed,
        constants=(type_member,) if full else (),
        id_members=tuple(f"{format_.prefix}{name}" for name in links_of),
        id_prefix=links.entity_prefix(query.entity_set.name),
        type_suffix="" if format_.metadata is Metadata.NONE else f"{format_.prefix}type",
        all_typed=full,
        int64_as_text=format_.ieee754,
        omit_nulls=format_.omit_nulls,
        navigation_links=_navigation_links(entity_type, format_) if full else (),
        views=query.views,
        count_suffix=f"{format_.prefix}count",
        expanded=tuple(_expanded(item, format_, links, namespace) for item in query.expand),
    )


def _navigation_links(entity_type: EntityType, format_: Format) -> tuple[tuple[str, str], ...]:
    """Return the navigation links, which full metadata must include (4.5.11)."""
    names = (navigation.name for navigation in entity_type.navigation)
    return tuple((f"{name}{format_.prefix}navigationLink", f"/{name}") for name in names)


def _expanded(item: BoundExpand, format_: Format, links: Links, namespace: str) -> Expanded:
    name = item.path.navigation.name
    counted = item.query.count or item.form is ExpandForm.COUNT
    return Expanded(
        item.path,
        item.query,
        projection_for(item.query, format_, links, namespace),
        "" if item.form is ExpandForm.COUNT else name,
        f"{name}{format_.prefix}count" if counted else "",
    )


def _transient(entity: Projection, format_: Format) -> Projection:
    """Return the members of rows without identity: 4.0 has a null id (4.6.8), 4.01 has none."""
    null_id = format_.version == "4.0" and format_.metadata is not Metadata.NONE
    constants = ((f"{format_.prefix}id", None),) if null_id else ()
    return replace(entity, constants=constants, id_members=(), navigation_links=())


def _member(name: str, value: object) -> bytes:
    return b'"%s":%s' % (name.encode(), msgspec.json.encode(value))
