"""An OpenAPI description (2.0, 3.0 or 3.1, JSON or YAML) -> claims.

Most real descriptions break a rule somewhere, and probes test each claim. The parts of a
description that cannot be read are therefore left out. References to other documents are never
followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from gateway.discovery.claims.claims import (
    Claims,
    EndpointClaim,
    HeaderClaim,
    LoginClaim,
    RequestMember,
    ResponseMember,
    origin_of,
)
from gateway.discovery.claims.document import as_list, as_object, description_of
from gateway.discovery.claims.logins import login_claim, oauth_login, security_claims
from gateway.discovery.claims.operations import (
    LEAST_SCORE,
    login_score,
    reads,
    results_score,
    shape_score,
    statistics_score,
    total_headers,
)
from gateway.discovery.claims.private import is_secret_name
from gateway.discovery.claims.schemas import Member, SchemaReader, skeleton
from gateway.errors import ConfigurationProblem

MAX_OPERATIONS = 5_000
MAX_CANDIDATES = 8
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_VERSION = re.compile(r"(?:2|3)\.[0-9.]+")


@dataclass(frozen=True, slots=True)
class Operation:
    """One POST operation: its objects with references resolved, its bodies as schemas."""

    path: str
    operation_id: str
    prose: str
    parameters: tuple[dict[str, Any], ...]
    request: Any
    responses: dict[str, dict[str, Any]]


def claims_from_openapi(text: str, document_url: str = "") -> Claims:
    """Return what a description claims.

    Args:
        text: the description, as JSON or YAML.
        document_url: its URL, which completes relative server URLs.

    Raises:
        ConfigurationProblem: the text is not an OpenAPI description.
    """
    document = description_of(text)
    version = _version(document)
    reader = SchemaReader(document)
    base_url, prefix = _server(document, document_url)
    operations, count = _posts(document, reader, prefix)
    schemes = _schemes(document)
    results = _best(operations, reader, results_score)
    statistics = _best(operations, reader, statistics_score)
    login = _login(operations, reader) or oauth_login(schemes, document_url or base_url)
    return Claims(
        base_url=base_url,
        results=results,
        statistics=statistics,
        login=login,
        security=security_claims(reader.target(one) for one in schemes.values()),
        sources=(f"OpenAPI {version}, {count:,} operations",),
        notes=_notes(reader, results),
    )


def _version(document: Any) -> str:
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise ConfigurationProblem(
            "the API description has no `paths`; save the OpenAPI document itself (JSON or YAML),"
            " not the page that shows it"
        )
    version = str(document.get("openapi", document.get("swagger", "")))
    if not _VERSION.fullmatch(version):
        raise ConfigurationProblem(
            "the API description is neither `openapi: 3.x` nor `swagger: 2.0`; convert it to one of"
            " these"
        )
    return version


def _notes(reader: SchemaReader, results: EndpointClaim | None) -> tuple[str, ...]:
    notes = []
    if results is None:
        notes.append("the description has no operation that lists results")
    if reader.outside:
        notes.append(f"{reader.outside} references to other documents were not followed")
    if reader.is_cut:
        notes.append("the description is very large; some of its schemas were not read")
    return tuple(notes)


# ---------------------------------------------------------------- where the API is
def _server(document: dict[str, Any], document_url: str) -> tuple[str, str]:
    """Return the origin of the first server, and the prefix of all paths."""
    if "swagger" in document:
        host, schemes = document.get("host"), document.get("schemes")
        scheme = "http" if schemes == ["http"] else "https"
        url = f"{scheme}://{host}" if isinstance(host, str) else document_url
        base = document.get("basePath")
        return origin_of(url), base.rstrip("/") if isinstance(base, str) else ""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = _server_url(first) if isinstance(first, dict) else ""
    try:
        whole = urljoin(document_url, url)
        prefix = urlsplit(url).path.rstrip("/")
    except ValueError:
        return "", ""
    return origin_of(whole), "" if "{" in prefix else prefix


def _server_url(server: dict[str, Any]) -> str:
    url, variables = server.get("url"), server.get("variables")
    if not isinstance(url, str):
        return ""
    for name, variable in as_object(variables).items():
        if isinstance(variable, dict):
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url


# ---------------------------------------------------------------- operations
def _posts(
    document: dict[str, Any], reader: SchemaReader, prefix: str
) -> tuple[list[Operation], int]:
    """Return the POST operations, and the number of all operations."""
    found, count = [], 0
    for path, item in list(document["paths"].items())[:MAX_OPERATIONS]:
        methods = reader.target(item)
        count += sum(1 for method in _METHODS if method in methods)
        if isinstance(methods.get("post"), dict):
            found.append(_operation(f"{prefix}{path}", methods, reader))
    return found, count


def _operation(path: str, item: dict[str, Any], reader: SchemaReader) -> Operation:
    post = item["post"]
    listed = [one for source in (item, post) for one in as_list(source.get("parameters"))]
    parameters = tuple(reader.target(one) for one in listed)
    body = next((p.get("schema") for p in parameters if p.get("in") == "body"), None)
    if body is None:
        body = _content(reader.target(post.get("requestBody")))
    return Operation(
        path=path,
        operation_id=str(post.get("operationId", "")),
        prose=f"{post.get('summary', '')} {post.get('tags', '')}",
        parameters=parameters,
        request=body,
        responses={
            str(status): reader.target(response)
            for status, response in as_object(post.get("responses")).items()
        },
    )


def _content(holder: dict[str, Any]) -> Any:
    """Return the schema of a body: of its JSON form, otherwise of the first form."""
    content = holder.get("content")
    if not isinstance(content, dict):
        return holder.get("schema")
    forms = sorted(content, key=lambda form: "json" not in str(form))
    first = content[forms[0]] if forms else {}
    return first.get("schema") if isinstance(first, dict) else None


def _successes(operation: Operation) -> dict[str, dict[str, Any]]:
    good = {s: r for s, r in operation.responses.items() if re.fullmatch(r"2(\d\d|XX|xx)", s)}
    return good or {s: r for s, r in operation.responses.items() if s == "default"}


def _response_schema(operation: Operation) -> Any:
    schemas = (_content(response) for response in _successes(operation).values())
    return next((schema for schema in schemas if schema is not None), None)


def _best(
    operations: list[Operation],
    reader: SchemaReader,
    score: Callable[[str, str, str], float],
) -> EndpointClaim | None:
    """Return the operation with the best names and members, if it reads and leads at all."""
    scored = [(score(one.path, one.operation_id, one.prose), one) for one in operations]
    likely = sorted((pair for pair in scored if pair[0] >= LEAST_SCORE), key=lambda pair: -pair[0])
    best: tuple[float, EndpointClaim] | None = None
    for by_name, operation in likely[:MAX_CANDIDATES]:
        claim = _endpoint(operation, reader)
        request = [member.path for member in claim.request]
        if not reads(operation.path, operation.operation_id, request):
            continue
        whole = by_name + shape_score(request, [member.path for member in claim.response])
        if best is None or whole > best[0]:
            best = (whole, claim)
    return None if best is None else best[1]


def _endpoint(operation: Operation, reader: SchemaReader) -> EndpointClaim:
    request = reader.members(operation.request, "request")
    response = reader.members(_response_schema(operation), "response")
    return EndpointClaim(
        path=operation.path,
        headers=tuple(_headers(operation, reader)),
        success=tuple(int(s) for s in _successes(operation) if s.isdecimal()),
        request=tuple(map(_request_member, request)),
        response=tuple(map(_response_member, response)),
        body_example=skeleton(request),
        total_headers=_total_headers(operation),
    )


def _headers(operation: Operation, reader: SchemaReader) -> Iterator[HeaderClaim]:
    for parameter in operation.parameters:
        name = parameter.get("name")
        if parameter.get("in") != "header" or not isinstance(name, str):
            continue
        if name.lower() in ("authorization", "content-type", "accept"):
            continue
        shape = reader.shape(parameter.get("schema", parameter))
        only = shape.enum[0] if len(shape.enum) == 1 else shape.default
        secret = is_secret_name(name)
        value = None if secret or only is None else str(only)
        yield HeaderClaim(name, parameter.get("required") is True, value, secret)


def _total_headers(operation: Operation) -> tuple[str, ...]:
    listed = [response.get("headers") for response in _successes(operation).values()]
    return total_headers(str(n) for names in listed if isinstance(names, dict) for n in names)


def _request_member(member: Member) -> RequestMember:
    shape = member.shape
    return RequestMember(
        path=member.path,
        type=shape.type,
        format=shape.format,
        nullable=shape.nullable,
        required=member.required,
        enum=shape.enum,
        minimum=shape.minimum,
        maximum=shape.maximum,
        most_values=shape.most_values,
        default=shape.default,
        constant=shape.enum[0] if len(shape.enum) == 1 else None,
    )


def _response_member(member: Member) -> ResponseMember:
    shape = member.shape
    return ResponseMember(
        member.path, shape.type, shape.format, shape.nullable, member.required, shape.enum
    )


# ---------------------------------------------------------------- signing in
def _login(operations: list[Operation], reader: SchemaReader) -> LoginClaim | None:
    scored = [(login_score(one.path, one.operation_id), one) for one in operations]
    likely = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: -pair[0])
    for _, operation in likely[:MAX_CANDIDATES]:
        request = reader.members(operation.request, "request")
        response = reader.members(_response_schema(operation), "response")
        claim = login_claim(
            operation.path, [one.path for one in request], [one.path for one in response]
        )
        if claim is not None:
            return claim
    return None


def _schemes(document: dict[str, Any]) -> dict[str, Any]:
    schemes = as_object(document.get("components")).get("securitySchemes")
    return as_object(schemes or document.get("securityDefinitions"))
