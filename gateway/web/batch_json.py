"""`$batch` as JSON (OData JSON Format 4.01, 19): reading requests, writing responses."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator

import msgspec

from gateway.errors import FailedDependency, GatewayError, InvalidSyntax, InvalidValue, NotSupported
from gateway.web.batch_model import Item, Part, Refused, check_number, encoded_url, is_id
from gateway.web.respond import ODataResponse

OPEN, CLOSE = b'{"responses":[', b"]}"
_READ_METHODS = ("GET", "HEAD")
_ABSENT = msgspec.Raw()
_ABSENT_OR_NULL = (b"", b"null")


class _Request(msgspec.Struct, rename="camel", frozen=True):
    """A request object; null means absent, because serializers write it."""

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
    """Parse the requests, in order.

    Raises:
        InvalidSyntax: the body is not a JSON batch, or its requests have invalid references.
        LimitExceeded: the batch has too many requests.
    """
    try:
        batch = msgspec.json.decode(body, type=_Batch)
    except (msgspec.MsgspecError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InvalidSyntax(f"the body is not a JSON batch: {problem}") from error
    check_number(len(batch.requests))
    _check_names(batch.requests)
    writing_groups = {r.atomicity_group for r in batch.requests if not _reads(r)} - {None}
    return tuple(_item(request, writing_groups) for request in batch.requests)


def _reads(request: _Request) -> bool:
    path = request.url.strip().partition("?")[0].removesuffix("/")
    return request.method.upper() in _READ_METHODS or path.endswith("$query")


def _check_names(requests: list[_Request]) -> None:
    """Check that ids and groups differ, groups are contiguous, and dependencies come first."""
    ids = {request.id for request in requests}
    groups = [request.atomicity_group for request in requests]
    seen: set[str] = set()
    for position, request in enumerate(requests):
        group = request.atomicity_group
        if not is_id(request.id) or request.id in seen:
            raise _misnamed(
                request, "its id must be unique, of 1 to 128 printable ASCII characters"
            )
        if group is not None and (not is_id(group) or group in ids):
            raise _misnamed(
                request, "its atomicityGroup must be a valid name that is not the id of a request"
            )
        if group in seen and groups[position - 1] != group:
            raise _misnamed(request, "the requests of its atomicityGroup must be adjacent")
        if not seen.issuperset(request.depends_on or ()):
            raise _misnamed(request, "dependsOn may only name earlier requests and groups")
        seen |= {request.id} if group is None else {request.id, group}


def _misnamed(request: _Request, problem: str) -> InvalidSyntax:
    return InvalidSyntax(
        f"the request with the id {request.id[:40]!r}: {problem}", target="requests"
    )


def _item(request: _Request, writing_groups: set[str | None]) -> Item:
    """Return a request; a read in a group that also writes fails with the group."""
    group, depends_on = request.atomicity_group or "", tuple(request.depends_on or ())
    try:
        if bytes(request.condition) not in _ABSENT_OR_NULL:
            raise NotSupported("`if` is not supported; use dependsOn alone", target="if")
        if group in writing_groups and _reads(request):
            raise FailedDependency(
                f"the atomicity group {group} also writes, and this service is read-only; send the"
                " read outside of the group"
            )
        headers = tuple((name.lower(), value) for name, value in (request.headers or {}).items())
        _check_headers(request)
        url = encoded_url(request.url.encode())
        body = _body(request, dict(headers))
    except GatewayError as error:
        return Refused(request.id, error, group, depends_on)
    method = request.method.upper()
    return Part(request.id, method, url, headers, body, group, depends_on)


def _check_headers(request: _Request) -> None:
    """Check that names and values fit into a header.

    Raises:
        InvalidSyntax: one does not.
    """
    for name, value in (request.headers or {}).items():
        if not name.isascii() or not value.isascii() or not (name + value).isprintable():
            raise InvalidSyntax(
                "headers: names and values must be printable ASCII", target="headers"
            )


def _body(request: _Request, headers: dict[str, str]) -> bytes:
    """Return a text body decoded, the only kind that the service reads; others stay JSON."""
    if bytes(request.body) in _ABSENT_OR_NULL:
        return b""
    if request.method.upper() in _READ_METHODS:
        raise InvalidValue(f"body: {request.method} must not have one", target="body")
    if not headers.get("content-type", "").lower().startswith("text/"):
        return bytes(request.body)
    try:
        return msgspec.json.decode(request.body, type=str).encode()
    except msgspec.MsgspecError as error:
        raise InvalidValue("body: a text must be a JSON string", target="body") from error


def write_json(item: Item, response: ODataResponse) -> Iterator[bytes]:
    """Yield a response as an object: JSON inline, text as a string, else base64url (19.6)."""
    head: dict[str, object] = {"id": item.id} if item.id else {}
    if item.group:
        head["atomicityGroup"] = item.group
    headers = {name.lower(): value for name, value in response.headers}
    head |= {"status": response.status, "headers": headers}
    yield msgspec.json.encode(head)[:-1]
    if response.body:
        yield b',"body":'
        yield _inline(response.body, headers.get("content-type", ""))
    yield b"}"


def _inline(body: bytes, content_type: str) -> bytes:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return body
    if media_type.startswith("text/"):
        return msgspec.json.encode(body.decode())
    return msgspec.json.encode(urlsafe_b64encode(body).decode())
