"""Queries -> the binary part of a workbook that holds them (MS-QDEFF, Data Mashup Binary Stream).

The stream is a version and four parts, each preceded by its length: a package with the formulas,
permissions, metadata of each query, and a checksum. Only the Windows account that saves the
workbook can compute the checksum. A single zero byte replaces it; Excel then uses its default
permissions, which are the same as those written here.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from gateway.connect.archive import pack

_MARK = "\ufeff"
_HEAD = _MARK + '<?xml version="1.0" encoding="utf-8"?>'
_XML_SCHEMA = (
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
_PACKAGE = (
    f"{_HEAD}<Package {_XML_SCHEMA}><Version>2.140.405.0</Version>"
    "<MinVersion>2.21.0.0</MinVersion><Culture>en-US</Culture></Package>"
)
_CONTENT_TYPES = (
    f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="text/xml" />'
    '<Default Extension="m" ContentType="application/x-ms-m" /></Types>'
)
_PERMISSIONS = (
    f"{_HEAD}<PermissionList {_XML_SCHEMA}>"
    "<CanEvaluateFuturePackages>false</CanEvaluateFuturePackages>"
    "<FirewallEnabled>true</FirewallEnabled></PermissionList>"
)
_NO_CHECKSUM = b"\0"


@dataclass(frozen=True, slots=True)
class Query:
    """A named query; `target` is the workbook table that it fills, empty for none."""

    name: str
    formula: str
    target: str = ""


def write_mashup(queries: tuple[Query, ...]) -> bytes:
    """Return the workbook's custom XML: the stream in base64, in UTF-16 as Excel writes it."""
    stream = base64.b64encode(binary_stream(queries)).decode()
    space = "http://schemas.microsoft.com/DataMashup"
    head = f'{_MARK}<?xml version="1.0" encoding="utf-16"?>'
    return f'{head}<DataMashup xmlns="{space}">{stream}</DataMashup>'.encode("utf-16-le")


def binary_stream(queries: tuple[Query, ...]) -> bytes:
    """Return version 0 and the four parts (MS-QDEFF 2.2)."""
    package = pack(
        {
            "Config/Package.xml": _PACKAGE,
            "[Content_Types].xml": _CONTENT_TYPES,
            "Formulas/Section1.m": _section(queries),
        }
    )
    parts = (package, _PERMISSIONS.encode(), _metadata(queries), _NO_CHECKSUM)
    return struct.pack("<I", 0) + b"".join(_sized(part) for part in parts)


def _sized(part: bytes) -> bytes:
    return struct.pack("<I", len(part)) + part


def _section(queries: Iterable[Query]) -> str:
    """Return one section with a shared member for each query (MS-QDEFF 2.3)."""
    members = (f'shared #"{query.name}" = {query.formula};' for query in queries)
    return "\n\n".join(["section Section1;", *members]).replace("\n", "\r\n")


def _metadata(queries: Iterable[Query]) -> bytes:
    """Return version 0, the XML and an empty content package (MS-QDEFF 2.5)."""
    items = "".join(_item(query) for query in queries)
    everything = "<ItemLocation><ItemType>AllFormulas</ItemType><ItemPath /></ItemLocation>"
    text = (
        f"{_HEAD}<LocalPackageMetadataFile {_XML_SCHEMA}><Items>"
        f"<Item>{everything}<StableEntries /></Item>{items}</Items></LocalPackageMetadataFile>"
    )
    return struct.pack("<I", 0) + _sized(text.encode()) + _sized(pack({}))


def _item(query: Query) -> str:
    entries = "".join(
        f"<Entry Type={quoteattr(name)} Value={quoteattr(value)} />"
        for name, value in _entries(query)
    )
    path = escape(f"Section1/{query.name}")
    return (
        f"<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>{path}</ItemPath>"
        f"</ItemLocation><StableEntries>{entries}</StableEntries></Item>"
    )


def _entries(query: Query) -> tuple[tuple[str, str], ...]:
    """Return Excel's metadata of a query; values start with their type: l (number) or s (text)."""
    common = (("IsPrivate", "l0"), ("FillToDataModelEnabled", "l0"), ("ResultType", "sTable"))
    if not query.target:
        return (*common, ("FillEnabled", "l0"), ("FillObjectType", "sConnectionOnly"))
    return (
        *common,
        ("FillEnabled", "l1"),
        ("FillObjectType", "sTable"),
        ("FillTarget", f"s{query.target}"),
        ("BufferNextRefresh", "l1"),
        ("NameUpdatedAfterFill", "l0"),
        ("NavigationStepName", "sNavigation"),
        ("FilledCompleteResultToWorksheet", "l1"),
        ("AddedToDataModel", "l0"),
        ("FillErrorCode", "sUnknown"),
    )
