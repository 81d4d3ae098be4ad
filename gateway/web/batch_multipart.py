"""`$batch` as multipart/mixed (Protocol 11.7.7): reading requests, writing responses.

The parts are split here and not by a library. Form parsers (python-multipart) support neither a
preamble nor a part without a name; `email` splits lines on bare carriage returns and decodes
bodies. Only one delimiter line must be found (RFC 2046 5.1.1): one pattern, linear in the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from http import HTTPStatus

from gateway.errors import (
    GatewayError,
    InvalidSyntax,
    InvalidValue,
    MethodNotAllowed,
    UnsupportedMediaType,
)
from gateway.web.batch_model import Item, Part, Refused, check_number, encoded_url, is_id
from gateway.web.respond import ODataResponse

_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,20})[ \t]+(\S.*)")
_PROTOCOL = re.compile(rb"[ \t]HTTP/\d(?:\.\d)?\Z")
_MAX_BOUNDARY_CHARACTERS = 200
_PLAIN_CODINGS = ("", "binary", "8bit", "7bit")

Fields = dict[str, str]


def read_multipart(body: bytes, content_type: Message) -> tuple[Item, ...]:
    """Parse the requests, in order; a change set is one item, because it has one response.

    Raises:
        InvalidValue, InvalidSyntax: there is no boundary, or the body does not use it correctly.
        LimitExceeded: the batch has too many parts.
    """
    sections = _sections(body, content_type)
    check_number(len(sections))
    return tuple(_item(section, number) for number, section in enumerate(sections, 1))


def _sections(body: bytes, content_type: Message) -> list[bytes]:
    """Return the text between the delimiter lines, without preamble and epilogue."""
    boundary = content_type.get_boundary("")
    if not boundary or len(boundary) > _MAX_BOUNDARY_CHARACTERS or not boundary.isascii():
        raise InvalidValue("Content-Type: multipart/mixed needs a boundary", target="Content-Type")
    delimiter = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    sections: list[bytes] = []
    start = None
    for match in delimiter.finditer(body):
        if start is not None:
            sections.append(body[start : match.start()])
        start = match.end()
        if match[1]:
            return sections
    problem = (
        "the batch is not closed: its last line must be"
        if start is not None
        else "the boundary of the batch is missing: end the batch with"
    )
    raise InvalidSyntax(f"{problem} --{boundary}--")


def _item(section: bytes, number: int) -> Item:
    """Parse one body part; an error becomes the response to this part only."""
    content_id = ""
    try:
        fields, content = _split_head(section.removeprefix(b"\r").removeprefix(b"\n"))
        given = fields.get("content-id", "")
        content_id = given if is_id(given) else ""
        media_type = _media_type(fields)
        if media_type.get_content_maintype() == "multipart":
            return _change_set(content, media_type, number)
        if media_type.get_content_type() != "application/http":
            raise UnsupportedMediaType("a part of a batch must have Content-Type: application/http")
        return _request(content, content_id)
    except GatewayError as error:
        return Refused(content_id, error)


def _change_set(content: bytes, media_type: Message, number: int) -> Refused:
    """Refuse a change set as a whole, because the service is read-only (Protocol 11.7.7.4)."""
    sections = _sections(content, media_type)
    check_number(len(sections))
    first = _item(sections[0], 0) if sections else None
    error = MethodNotAllowed(
        "a change set changes data, and this service is read-only; send reads outside change sets"
    )
    return Refused(first.id if first else "", error, group=f"changeset{number}")


def _request(content: bytes, content_id: str) -> Part:
    """Parse the HTTP request inside a part."""
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    match = _REQUEST_LINE.fullmatch(line.rstrip(b" \t\r"))
    if match is None or match[2].startswith(b"HTTP/"):
        raise InvalidSyntax(
            "a part of a batch must begin with a line such as GET Results?$top=1 HTTP/1.1"
        )
    method, url = match[1].decode(), encoded_url(_PROTOCOL.sub(b"", match[2]))
    fields, body = _split_head(rest)
    inner = fields.pop("content-id", "")
    name = content_id or (inner if is_id(inner) else "")
    return Part(name, method, url, tuple(fields.items()), body)


def _split_head(content: bytes) -> tuple[Fields, bytes]:
    """Return header fields, with names in lower case, and the content after the blank line.

    Raises:
        InvalidSyntax: a line is not a header field.
    """
    blank = _BLANK_LINE.search(content)
    head, rest = content, b""
    if blank is not None:
        head, rest = content[: blank.start()], content[blank.end() :]
    fields: Fields = {}
    for line in _FOLD.sub(b" ", head).rstrip(b"\r\n").split(b"\n") if head.strip() else ():
        raw_name, colon, raw_value = line.removesuffix(b"\r").partition(b":")
        name, value = raw_name.decode("latin-1").lower(), raw_value.strip(b" \t")
        well_formed = _FIELD_NAME.fullmatch(raw_name) and _FIELD_VALUE.fullmatch(value)
        if not colon or not well_formed:
            raise InvalidSyntax("a header in a part of the batch is malformed")
        previous = f"{fields[name]}, " if name in fields else ""  # one list (RFC 9110 5.3)
        fields[name] = previous + value.decode("latin-1")
    return fields, rest


def _media_type(fields: Fields) -> Message:
    coding = fields.get("content-transfer-encoding", "").lower()
    if coding not in _PLAIN_CODINGS:
        raise UnsupportedMediaType(
            f"Content-Transfer-Encoding: {coding} is not supported; use binary"
        )
    parsed = Message()
    parsed["Content-Type"] = fields.get("content-type", "")
    return parsed


def write_multipart(item: Item, response: ODataResponse, boundary: str) -> Iterator[bytes]:
    """Yield a response as a body part, with CRLF everywhere, which simple clients require."""
    lines = [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if item.id:
        lines.append(f"Content-ID: {item.id}")
    lines += ["", f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if response.status not in (204, 304):
        lines.append(f"Content-Length: {len(response.body)}")
    yield "\r\n".join([*lines, "", ""]).encode("latin-1")
    yield response.body
    yield b"\r\n"


def close_multipart(boundary: str) -> bytes:
    """Return the last line."""
    return f"--{boundary}--\r\n".encode()
