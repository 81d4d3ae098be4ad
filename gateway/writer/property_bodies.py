"""One property of one entity -> a body (OData JSON Format 4.01, 11; Protocol 11.2.4).

The row arrives as a JSON object with only this property. A null has no body: the response is 204.
"""

from __future__ import annotations

import msgspec

from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import PropertyPart, PropertyQuery
from gateway.writer.format import Format, Metadata
from gateway.writer.links import Links

_NULL = b"null"


def projection_for_property(query: PropertyQuery, format_: Format) -> Projection:
    """Return a projection of the property; bare text has no control information or quotes."""
    as_json = query.part is PropertyPart.JSON
    full = as_json and format_.metadata is Metadata.FULL
    return Projection(
        properties=(query.prop,),
        key=query.entity.entity_set.entity_type.key_properties,
        type_suffix=f"{format_.prefix}type" if full else "",
        all_typed=full,
        int64_as_text=as_json and format_.ieee754,
    )


def write_property(row: bytes, query: PropertyQuery, format_: Format, links: Links) -> bytes | None:
    """Return the body; None for a null."""
    members = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
    value = bytes(members[query.prop.name])
    if value == _NULL:
        return None
    match query.part:
        case PropertyPart.TEXT:
            return _bare(value)
        case PropertyPart.COUNT:
            return str(len(_elements(value))).encode()
    head: dict[str, object] = {}
    if format_.metadata is not Metadata.NONE:
        head[f"{format_.prefix}context"] = links.context(query)
    if query.count:
        number = len(_elements(value))
        head[f"{format_.prefix}count"] = str(number) if format_.ieee754 else number
    type_suffix = f"{format_.prefix}type"
    if query.prop.name + type_suffix in members:
        head[f"value{type_suffix}"] = members[query.prop.name + type_suffix]
    return msgspec.json.encode(head | {"value": msgspec.Raw(_in_window(value, query))})


def _bare(value: bytes) -> bytes:
    """Return a primitive value as text: a string without its quotes, all else as in JSON."""
    return msgspec.json.decode(value, type=str).encode() if value.startswith(b'"') else value


def _in_window(value: bytes, query: PropertyQuery) -> bytes:
    if not query.prop.collection or (query.skip == 0 and query.top is None):
        return value
    elements = _elements(value)[query.skip :]
    return msgspec.json.encode(elements[: query.top])


def _elements(value: bytes) -> list[msgspec.Raw]:
    return msgspec.json.decode(value, type=list[msgspec.Raw])
