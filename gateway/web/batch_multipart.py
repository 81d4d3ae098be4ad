"""`$batch` as multipart/mixed (Protocol 11.7.7): reading requests, writing answers.

The parts are cut out here and not by a library. Form parsers (python-multipart) know no preamble
and no part without a name; `email` splits lines on bare carriage returns and decodes bodies. What
has to be found is one delimiter line (RFC 2046 5.1.1), which is one pattern, linear in the body.
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
from gateway.web.respond import Reaction

_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_REQUEST_LINE = re.compile(rb"([A-Za-z]{1,20})[ \t]+(\S.*)")
_PROTOCOL = re.compile(rb"[ \t]HTTP/\d(?:\.\d)?\Z")
_LONGEST_BOUNDARY = 200
_PLAIN_CODINGS = ("", "binary", "8bit", "7bit")

Fields = dict[str, str]


def read_multipart(body: bytes, content_type: Message) -> tuple[Item, ...]:
    """The requests in order; a change set is one item, because it has one answer.

    Raises:
        InvalidValue, InvalidSyntax: there is no boundary, or the body is not divided by it.
        LimitExceeded: too many parts.
    """
    sections = _sections(body, content_type)
    check_number(len(sections))
    return tuple(_item(section, number) for number, section in enumerate(sections, 1))


def _sections(body: bytes, content_type: Message) -> list[bytes]:
    """What stands between the delimiter lines; preamble and epilogue are left out."""
    boundary = content_type.get_boundary("")
    if not boundary or len(boundary) > _LONGEST_BOUNDARY or not boundary.isascii():
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
    what = "never closed: its last line must be" if start is not None else "nowhere: write"
    raise InvalidSyntax(f"the boundary of the batch is {what} --{boundary}--")


def _item(section: bytes, number: int) -> Item:
    """One body part; what is wrong with it is its own answer, and not that of the others."""
    content_id = ""
    try:
        fields, content = _split_head(section.removeprefix(b"\r").removeprefix(b"\n"))
        given = fields.get("content-id", "")
        content_id = given if is_id(given) else ""
        media_type = _media_type(fields)
        if media_type.get_content_maintype() == "multipart":
            return _change_set(content, media_type, number)
        if media_type.get_content_type() != "application/http":
            raise UnsupportedMediaType("a part of a batch has the Content-Type application/http")
        return _request(content, content_id)
    except GatewayError as error:
        return Refused(content_id, error)


def _change_set(content: bytes, media_type: Message, number: int) -> Refused:
    """One answer for all of it: nothing can be changed here (Protocol 11.7.7.4)."""
    sections = _sections(content, media_type)
    check_number(len(sections))
    first = _item(sections[0], 0) if sections else None
    error = MethodNotAllowed(
        "a change set changes data, and this service is read-only; send reads as parts of their own"
    )
    return Refused(first.id if first else "", error, group=f"changeset{number}")


def _request(content: bytes, content_id: str) -> Part:
    """The HTTP request inside a part."""
    line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
    match = _REQUEST_LINE.fullmatch(line.rstrip(b" \t\r"))
    if match is None or match[2].startswith(b"HTTP/"):
        raise InvalidSyntax(
            "a part of a batch begins with a line such as GET Results?$top=1 HTTP/1.1"
        )
    method, url = match[1].decode(), encoded_url(_PROTOCOL.sub(b"", match[2]))
    fields, body = _split_head(rest)
    inner = fields.pop("content-id", "")
    name = content_id or (inner if is_id(inner) else "")
    return Part(name, method, url, tuple(fields.items()), body)


def _split_head(content: bytes) -> tuple[Fields, bytes]:
    """Header fields, names in lower case, and what follows the blank line.

    Raises:
        InvalidSyntax: a line is no field.
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
        before = f"{fields[name]}, " if name in fields else ""  # one list (RFC 9110 5.3)
        fields[name] = before + value.decode("latin-1")
    return fields, rest


def _media_type(fields: Fields) -> Message:
    coding = fields.get("content-transfer-encoding", "").lower()
    if coding not in _PLAIN_CODINGS:
        raise UnsupportedMediaType(f"Content-Transfer-Encoding: {coding} is not read; use binary")
    parsed = Message()
    parsed["Content-Type"] = fields.get("content-type", "")
    return parsed


def write_multipart(item: Item, reaction: Reaction, boundary: str) -> Iterator[bytes]:
    """One answer as a body part; CRLF everywhere, on which thin clients insist."""
    lines = [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if item.id:
        lines.append(f"Content-ID: {item.id}")
    lines += ["", f"HTTP/1.1 {reaction.status} {HTTPStatus(reaction.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in reaction.headers]
    if reaction.status not in (204, 304):
        lines.append(f"Content-Length: {len(reaction.body)}")
    yield "\r\n".join([*lines, "", ""]).encode("latin-1")
    yield reaction.body
    yield b"\r\n"


def close_multipart(boundary: str) -> bytes:
    """The last line."""
    return f"--{boundary}--\r\n".encode()
