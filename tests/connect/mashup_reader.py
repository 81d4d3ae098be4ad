"""A reader of a workbook's queries (MS-QDEFF 2), written apart from what writes them."""

from __future__ import annotations

import base64
import io
import re
import struct
from dataclasses import dataclass
from xml.etree import ElementTree
from zipfile import ZipFile

_MASHUP = "{http://schemas.microsoft.com/DataMashup}DataMashup"


@dataclass(frozen=True, slots=True)
class Mashup:
    """The parts of the binary stream, read to the last byte."""

    parts: dict[str, bytes]
    formulas: dict[str, str]
    permissions: dict[str, str]
    entries: dict[str, dict[str, str]]
    checksum: bytes


class _Stream:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        (found,) = struct.unpack_from("<I", self._data, self._at)
        self._at += 4
        return int(found)

    def sized(self) -> bytes:
        size = self.number()
        found = self._data[self._at : self._at + size]
        assert len(found) == size, "a part is shorter than it says"
        self._at += size
        return found

    def ends(self) -> bool:
        return self._at == len(self._data)


def read_mashup(custom_xml: bytes) -> Mashup:
    root = ElementTree.fromstring(custom_xml)
    assert root.tag == _MASHUP
    stream = _Stream(base64.b64decode(root.text or "", validate=True))
    assert stream.number() == 0
    package, permissions = stream.sized(), stream.sized()
    metadata, checksum = stream.sized(), stream.sized()
    assert stream.ends()
    with ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        parts = {name: archive.read(name) for name in archive.namelist()}
    return Mashup(
        parts,
        _formulas(parts["Formulas/Section1.m"].decode("utf-8")),
        {child.tag: child.text or "" for child in ElementTree.fromstring(permissions)},
        _entries(metadata),
        checksum,
    )


def _formulas(section: str) -> dict[str, str]:
    head, *members = re.split(r"\r\n\r\n(?=shared )", section)
    assert head == "section Section1;"
    found = [re.fullmatch(r'shared #"([^"]+)" = (.*);', m, re.DOTALL) for m in members]
    return {match[1]: match[2] for match in found if match}


def _entries(metadata: bytes) -> dict[str, dict[str, str]]:
    stream = _Stream(metadata)
    assert stream.number() == 0
    items = ElementTree.fromstring(stream.sized()).iter("Item")
    with ZipFile(io.BytesIO(stream.sized())) as content:
        assert content.namelist() == []
    assert stream.ends()
    return {
        item.findtext("ItemLocation/ItemPath") or "": {
            entry.attrib["Type"]: entry.attrib["Value"] for entry in item.iter("Entry")
        }
        for item in items
    }
