"""The two documents that tell what there is: the service document and `$metadata`.

Clients ask for them before every table, so each has an ETag and costs nothing when it is known.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from gateway.edm.capabilities import CAPABILITIES
from gateway.edm.csdl_json import render_csdl_json
from gateway.edm.csdl_xml import render_csdl_xml
from gateway.edm.model import Schema
from gateway.query.bind.apply import TRANSFORMATIONS
from gateway.query.bind.expand import MAX_DEPTH
from gateway.query.bind.functions import FILTER_FUNCTIONS
from gateway.service.messages import ResponseBody, ResponseOptions
from gateway.writer.bodies import write_service_document
from gateway.writer.format import Media

_ANNOUNCED = replace(
    CAPABILITIES,
    expand_levels=MAX_DEPTH,
    filter_functions=FILTER_FUNCTIONS,
    transformations=TRANSFORMATIONS,
)


def service_document(schema: Schema, reply: ResponseOptions) -> ResponseBody:
    """The list of entity sets."""
    body = write_service_document(schema, reply.format, reply.links)
    return _known_or_whole(body, reply.format.content_type, reply)


def metadata_document(schema: Schema, reply: ResponseOptions) -> ResponseBody:
    """The model as CSDL, in JSON when that was negotiated and in XML otherwise."""
    as_json = reply.format.media is Media.JSON
    render = render_csdl_json if as_json else render_csdl_xml
    body = render(schema, reply.format.version, _ANNOUNCED)
    return _known_or_whole(body, reply.format.media, reply)


def _known_or_whole(body: bytes, content_type: str, reply: ResponseOptions) -> ResponseBody:
    """The document with its ETag, or without a body when the client has it (304)."""
    digest = hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest()[:20]
    etag = f'W/"{digest}"'
    known = reply.has(etag)
    return ResponseBody(b"" if known else body, content_type, (("ETag", etag),), not_modified=known)
