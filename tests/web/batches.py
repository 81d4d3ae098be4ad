"""Batches as clients write them, and answers read back by parsers that are not the gateway's."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from tests.support.wire import WireAnswer

BOUNDARY = "batch_36522ad7-fc75-4b56-8c71"
MULTIPART = [("Content-Type", f"multipart/mixed; boundary={BOUNDARY}")]
JSON = [("Content-Type", "application/json")]


@dataclass(frozen=True)
class Request:
    """A request inside a batch."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: str = ""
    id: str = ""


@dataclass(frozen=True)
class PartAnswer:
    """One answer inside the answer of a batch; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    id: str

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        code: str = self.json()["error"]["code"]
        return code


def as_multipart(requests: Sequence[Request], boundary: str = BOUNDARY) -> bytes:
    """The body; like real clients, with a preamble and an epilogue."""
    parts = []
    for request in requests:
        head = [f"--{boundary}", "Content-Type: application/http"]
        head += [f"Content-ID: {request.id}"] if request.id else []
        lines = [*head, "", f"{request.method} {request.url} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        parts.append("\r\n".join([*lines, "", request.body]))
    text = "\r\n".join(["to be ignored", *parts, f"--{boundary}--", "to be ignored"])
    return text.encode()


def as_json(requests: Sequence[Request]) -> bytes:
    """The body; ids are positions unless given."""
    found = []
    for position, request in enumerate(requests):
        member: dict[str, Any] = {"id": request.id or str(position), "url": request.url}
        member |= {"method": request.method.lower(), "headers": dict(request.headers)}
        found.append(member | ({"body": request.body} if request.body else {}))
    return json.dumps({"requests": found}).encode()


def answers_of(answer: WireAnswer) -> list[PartAnswer]:
    """The answers in an answer of either format, after its form was checked."""
    assert answer.status == 200, answer.text
    assert len(answer.every("OData-Version")) == 1
    content_type = answer.header("Content-Type") or ""
    if content_type == "application/json":
        return [_from_json(item) for item in answer.json()["responses"]]
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + answer.body)
    assert message.get_content_type() == "multipart/mixed"
    assert message.get_boundary() != BOUNDARY
    assert not message.defects
    return [_from_part(part) for part in message.iter_parts()]


def _from_part(part: Any) -> PartAnswer:
    assert part.get_content_type() == "application/http"
    head, blank, body = part.get_payload(decode=True).partition(b"\r\n\r\n")
    assert blank
    first, *lines = head.decode("ascii").split("\r\n")
    protocol, status, phrase = first.split(" ", 2)
    assert (protocol, bool(phrase)) == ("HTTP/1.1", True)
    assert "\n" not in head.decode("ascii").replace("\r\n", "")
    pairs = [(name.lower(), value) for name, value in (line.split(": ", 1) for line in lines)]
    headers = dict(pairs)
    assert len(headers) == len(pairs)
    assert int(headers.get("content-length", 0)) == len(body)
    return PartAnswer(int(status), headers, body, part.get("Content-ID", ""))


def _from_json(item: dict[str, Any]) -> PartAnswer:
    headers = item["headers"]
    assert all(name == name.lower() for name in headers)
    body, kind = item.get("body", ""), headers.get("content-type", "")
    if "body" not in item:
        raw = b""
    elif kind.startswith("application/json"):
        raw = json.dumps(body).encode()
    else:
        raw = body.encode() if kind.startswith("text/") else urlsafe_b64decode(body)
    return PartAnswer(item["status"], headers, raw, item.get("id", ""))
