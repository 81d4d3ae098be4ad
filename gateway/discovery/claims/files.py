"""`init --from FILE`: a file of any accepted kind -> claims. Nothing is replayed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.discovery.claims.claims import Claims, EndpointClaim, Source
from gateway.discovery.claims.curl import exchanges_from_curl, is_curl
from gateway.discovery.claims.document import is_yaml_description, json_of, text_of
from gateway.discovery.claims.examples import claims_from_exchanges
from gateway.discovery.claims.har import exchanges_from_har, is_har
from gateway.discovery.claims.openapi import claims_from_openapi
from gateway.discovery.claims.operations import shape_score
from gateway.discovery.claims.pages import embedded_description
from gateway.discovery.claims.postman import exchanges_from_postman, is_postman
from gateway.discovery.claims.values import (
    constants,
    request_members,
    response_members,
    seen_in,
    skeleton_of,
)
from gateway.errors import ConfigurationProblem

MAX_FILE_BYTES = 50 * 1024 * 1024
ACCEPTED = (
    "an OpenAPI description (JSON or YAML), a Postman collection, a HAR file of the browser's"
    " network tab, a cURL command, or the JSON of one request or response"
)


def claims_from_file(data: bytes, url: str = "") -> Claims:
    """Return the claims of a file, whose kind is recognised by its content.

    Args:
        data: the file's bytes.
        url: the URL that it was fetched from, if any.

    Raises:
        ConfigurationProblem: too large, unreadable, or of no accepted kind.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ConfigurationProblem(
            f"the file is larger than {MAX_FILE_BYTES // 1024 // 1024} MB; record fewer requests,"
            " or save only the request for results"
        )
    text = text_of(data)
    if is_curl(text):
        return claims_from_exchanges(exchanges_from_curl(text), "cURL command")
    try:
        value = json_of(text)
    except ValueError:
        return _from_other_text(text, url)
    return _from_json(value, text, url)


def _from_json(value: Any, text: str, url: str) -> Claims:
    if isinstance(value, dict) and ("openapi" in value or "swagger" in value):
        return claims_from_openapi(text, url)
    if is_har(value):
        return claims_from_exchanges(exchanges_from_har(value), "HAR file")
    if is_postman(value):
        return claims_from_exchanges(exchanges_from_postman(value), "Postman collection")
    return _from_body(value)


def _from_other_text(text: str, url: str) -> Claims:
    if is_yaml_description(text):
        return claims_from_openapi(text, url)
    embedded = embedded_description(text)
    if embedded is not None:
        return claims_from_openapi(embedded, url)
    raise ConfigurationProblem(f"this kind of file is not accepted; accepted: {ACCEPTED}")


def _from_body(value: Any) -> Claims:
    """Return the claims of one bare body: of a response if it has rows, otherwise of a request."""
    paths = list(seen_in([value]))
    as_response, as_request = shape_score([], paths), shape_score(paths, [])
    if max(as_response, as_request) < 2:
        raise ConfigurationProblem(
            "the JSON looks neither like a request for results nor like results; accepted:"
            f" {ACCEPTED}"
        )
    claim = EndpointClaim(path="", source=Source.EXAMPLE)
    if as_response >= as_request:
        claim = replace(claim, response=response_members([value]))
        return Claims(results=claim, sources=("JSON of a response",))
    body = [value]
    claim = replace(
        claim,
        request=request_members(body),
        constants=constants(body),
        body_example=skeleton_of(body),
    )
    return Claims(results=claim, sources=("JSON of a request",))
