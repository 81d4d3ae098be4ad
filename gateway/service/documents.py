"""The two documents that describe the service: the service document and `$metadata`.

Clients request them before every table, so each has an ETag and no body if it is unchanged.
"""

from __future__ import annotations

import hashlib

from gateway.edm.csdl_json import render_csdl_json
from gateway.edm.csdl_xml import render_csdl_xml
from gateway.edm.model import Schema
from gateway.service.messages import ResponseBody, ResponseOptions
from gateway.service.published import ANNOUNCED
from gateway.writer.bodies import write_service_document
from gateway.writer.format import Media


def service_document(schema: Schema, options: ResponseOptions) -> ResponseBody:
    """Return the list of entity sets."""
    body = write_service_document(schema, options.format, options.links)
    return _unchanged_or_whole(body, options.format.content_type, options)


def metadata_document(schema: Schema, options: ResponseOptions) -> ResponseBody:
    """Return the model as CSDL, in JSON if that was negotiated and in XML otherwise."""
    as_json = options.format.media is Media.JSON
    render = render_csdl_json if as_json else render_csdl_xml
    body = render(schema, options.format.version, ANNOUNCED)
    return _unchanged_or_whole(body, options.format.media, options)


def _unchanged_or_whole(body: bytes, content_type: str, options: ResponseOptions) -> ResponseBody:
    """Return the document with its ETag, without a body if the client has it (304)."""
    digest = hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest()[:20]
    etag = f'W/"{digest}"'
    if options.has(etag):
        return ResponseBody.unchanged(content_type, (("ETag", etag),))
    return ResponseBody(body, content_type, (("ETag", etag),))
