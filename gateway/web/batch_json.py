"""`$batch` as JSON (OData JSON Format 4.01, 19): reading requests, writing answers."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator

import msgspec

from gateway.errors import FailedDependency, GatewayError, InvalidSyntax, InvalidValue, NotSupported
from gateway.web.batch_model import Item, Part, Refused, check_number, encoded_url, is_id
from gateway.web.respond import Reaction

OPEN, CLOSE = b'{"responses":[', b"]}"
_READING = ("GET", "HEAD")
_ABSENT = msgspec.Raw()
_NOTHING = (b"", b"null")


class _Request(msgspec.Struct, rename="camel", frozen=True):
    """A request object; null is as good as absent, because serializers write it."""

    id: str
    method: str
    url: str
    headers: dict[str, str] | None = None
    body: msgspec.Raw = _ABSENT
    depends_on: list[str] | None = None
    atomicity_group: str | None = None
    condition: msgspec.Raw = msgspec.field(default=_ABSENT, name="if")


class _Batch(msgspec.Struct, frozen=True):
    requests: list[_Request]


def read_json(body: bytes) -> tuple[Item, ...]:
    """The requests in order.

    Raises:
        InvalidSyntax: the body is no JSON batch, or its requests refer to each other in a way that
            cannot be followed.
        LimitExceeded: too many requests.
    """
    try:
        batch = msgspec.json.decode(body, type=_Batch)
    except (msgspec.MsgspecError, RecursionError) as error:
        problem = "too deep" if isinstance(error, RecursionError) else str(error)
        raise InvalidSyntax(f"the body is no JSON batch: {problem}") from error
    check_number(len(batch.requests))
    _check_names(batch.requests)
    writing = {r.atomicity_group for r in batch.requests if not _reads(r)} - {None}
    return tuple(_item(request, writing) for request in batch.requests)


def _reads(request: _Request) -> bool:
    path = request.url.strip().partition("?")[0].removesuffix("/")
    return request.method.upper() in _READING or path.endswith("$query")


def _check_names(requests: list[_Request]) -> None:
    """Ids and groups are different names; groups stay together; dependencies point backwards."""
    ids = {request.id for request in requests}
    groups = [request.atomicity_group for request in requests]
    seen: set[str] = set()
    for position, request in enumerate(requests):
        group = request.atomicity_group
        if not is_id(request.id) or request.id in seen:
            raise _misnamed(request, "its id must be one of its own, of 1 to 128 ASCII characters")
        if group is not None and (not is_id(group) or group in ids):
            raise _misnamed(request, "its atomicityGroup must have a name that no request has")
        if group in seen and groups[position - 1] != group:
            raise _misnamed(request, "its atomicityGroup must stand together")
        if not seen.issuperset(request.depends_on or ()):
            raise _misnamed(request, "dependsOn names what does not come before it")
        seen |= {request.id} if group is None else {request.id, group}


def _misnamed(request: _Request, problem: str) -> InvalidSyntax:
    return InvalidSyntax(
        f"the request with the id {request.id[:40]!r}: {problem}", target="requests"
    )


def _item(request: _Request, writing: set[str | None]) -> Item:
    """A request; one that reads in a group that also writes fails with it."""
    group, depends_on = request.atomicity_group or "", tuple(request.depends_on or ())
    try:
        if bytes(request.condition) not in _NOTHING:
            raise NotSupported("`if` is not evaluated here; use dependsOn alone", target="if")
        if group in writing and _reads(request):
            raise FailedDependency(f"the atomicity group {group} also writes, which fails here")
        headers = tuple((name.lower(), value) for name, value in (request.headers or {}).items())
        _check_headers(request)
        url = encoded_url(request.url.encode())
        body = _body(request, dict(headers))
    except GatewayError as error:
        return Refused(request.id, error, group, depends_on)
    method = request.method.upper()
    return Part(request.id, method, url, headers, body, group, depends_on)


def _check_headers(request: _Request) -> None:
    """Names and values must fit into a header.

    Raises:
        InvalidSyntax: one does not.
    """
    for name, value in (request.headers or {}).items():
        if not name.isascii() or not value.isascii() or not (name + value).isprintable():
            raise InvalidSyntax(
                "headers: a name or a value is not printable ASCII", target="headers"
            )


def _body(request: _Request, headers: dict[str, str]) -> bytes:
    """A body of text, which is the only one that anything here reads; others stay JSON."""
    if bytes(request.body) in _NOTHING:
        return b""
    if request.method.upper() in _READING:
        raise InvalidValue(f"body: {request.method} has none", target="body")
    if not headers.get("content-type", "").lower().startswith("text/"):
        return bytes(request.body)
    try:
        return msgspec.json.decode(request.body, type=str).encode()
    except msgspec.MsgspecError as error:
        raise InvalidValue("body: a text is a JSON string", target="body") from error


def write_json(item: Item, reaction: Reaction) -> Iterator[bytes]:
    """One answer as an object: JSON in place, text as a string, all else in base64url (19.6)."""
    head: dict[str, object] = {"id": item.id} if item.id else {}
    if item.group:
        head["atomicityGroup"] = item.group
    headers = {name.lower(): value for name, value in reaction.headers}
    head |= {"status": reaction.status, "headers": headers}
    yield msgspec.json.encode(head)[:-1]
    if reaction.body:
        yield b',"body":'
        yield _inline(reaction.body, headers.get("content-type", ""))
    yield b"}"


def _inline(body: bytes, content_type: str) -> bytes:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return body
    if media_type.startswith("text/"):
        return msgspec.json.encode(body.decode())
    return msgspec.json.encode(urlsafe_b64encode(body).decode())
