"""Headers and $format -> version and format of the answer, but for rows (Protocol 8.2).

The default version is 4.0, for ever (Protocol 8.2.7). `gateway.web.row_formats` is about rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gateway.edge.media import parse_accept, parse_format_option, quality_of
from gateway.errors import NotAcceptable, PreconditionFailed, UnsupportedVersion
from gateway.writer.format import Format, Media

JSON, MULTIPART = "application/json", "multipart/mixed"
_ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"|\*')
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3})?")


_XML_RANGES = (Media.XML, "application/*", "*/*")
LEGACY_ADVICE = "in Excel use Data > Get Data > From Other Sources > From OData Feed"
_TEXT_RANGES = (Media.TEXT, "text/*", "*/*")


def negotiate_version(max_version: str | None, version: str | None) -> str:
    """The answer's version: the highest we speak that the client allows.

    Versions compare as decimals: 4.1 allows 4.01, and so does 5.0. What follows a semicolon is the
    client's name, e.g. `4.0;NetFx` of Microsoft's older .NET clients.

    >>> negotiate_version("4.0;NetFx", "4.0;NetFx")
    '4.0'

    Raises:
        UnsupportedVersion: the client allows none that we speak.
    """
    max_version, version = _without_name(max_version), _without_name(version)
    for name, text in (("OData-MaxVersion", max_version), ("OData-Version", version)):
        if text is not None and not _VERSION.fullmatch(text):
            raise UnsupportedVersion(f"{name}: {text!r} is not a version; send 4.0 or 4.01")
    if version is not None and version not in ("4.0", "4.01", "4"):
        raise UnsupportedVersion(f"OData-Version: {version} is not spoken here; send 4.0 or 4.01")
    if max_version is None:
        return "4.0"
    if float(max_version) < 4.0:
        raise UnsupportedVersion(
            f"OData-MaxVersion: {max_version} excludes every version spoken here, 4.0 and 4.01;"
            f" {LEGACY_ADVICE}"
        )
    return "4.01" if float(max_version) >= 4.01 else "4.0"


def _without_name(version: str | None) -> str | None:
    return None if version is None else version.partition(";")[0].strip()


def check_isolation(value: str | None) -> None:
    """`snapshot` is granted, because every feed is one.

    Raises:
        PreconditionFailed: for anything else (Protocol 8.2.5).
    """
    if value is not None and value.strip().lower() != "snapshot":
        raise PreconditionFailed(f"Isolation: {value!r} is not known; the only level is snapshot")


def check_reader(user_agent: str) -> None:
    """Power Pivot's own reader knows Atom only, whatever its Accept says.

    Raises:
        NotAcceptable: it asks; its user is told which menu leads to the feed.
    """
    if user_agent.startswith("Microsoft.Data.DataFeedClient"):
        raise NotAcceptable(f"this reader of feeds cannot read OData 4; {LEGACY_ADVICE}")


def negotiate_metadata(accept: str | None, format_option: str | None, version: str) -> Format:
    """CSDL XML, or CSDL JSON for who wants that more.

    Clients that send the Accept of their rows here as well, Power Query first of all, read XML
    only: a parameter about rows gives them away.

    Raises:
        NotAcceptable: neither fits.
    """
    if format_option is not None:
        wanted = {"application/json": Media.JSON} | dict.fromkeys(_XML_RANGES, Media.XML)
        return Format(version, _by_option(wanted, format_option, "xml or json"))
    ranges = parse_accept(accept or "*/*")
    if any(r.is_for_data and r.quality > 0 for r in ranges):
        return Format(version, Media.XML)
    as_json, as_xml = (quality_of(media, ranges) for media in (Media.JSON, Media.XML))
    if as_json == as_xml == 0:
        raise NotAcceptable(
            f"Accept: {accept} leaves no format that $metadata is served in; send application/xml"
            " or application/json"
        )
    return Format(version, Media.JSON if as_json > as_xml else Media.XML)


def negotiate_text(accept: str | None, format_option: str | None, version: str) -> Format:
    """`/$count` and `/$value` are plain text, also for who sends the Accept of rows or a batch.

    Raises:
        NotAcceptable: plain text does not fit.
    """
    if format_option is not None:
        wanted = dict.fromkeys(_TEXT_RANGES, Media.TEXT)
        return Format(version, _by_option(wanted, format_option, "text/plain, or leave it out"))
    ranges = parse_accept(accept or "*/*")
    of_rows = any(r.type == Media.JSON and r.quality > 0 for r in ranges)
    if quality_of(Media.TEXT, ranges) == 0 and not of_rows:
        raise NotAcceptable(f"Accept: {accept}: this is text/plain; send that or */*")
    return Format(version, Media.TEXT)


def negotiate_batch(accept: str | None, request_type: str, version: str) -> str:
    """The media type of a batch's answer: the request's, unless Accept prefers the other.

    In 4.0 there is no JSON batch. Its clients mean the parts by `Accept: application/json`, and
    read nothing but multipart; only those that refuse it by name get the other.

    Raises:
        NotAcceptable: Accept leaves neither.
    """
    if accept is None or not accept.strip():
        return request_type
    other = JSON if request_type == MULTIPART else MULTIPART
    ranges = [replace(r, parameters=()) for r in parse_accept(accept)]  # of rows, inside
    own, foreign = quality_of(request_type, ranges), quality_of(other, ranges)
    if own == foreign == 0:
        raise NotAcceptable(f"Accept: {accept} leaves no format; send {MULTIPART} or {JSON}")
    refused = any(r.type == MULTIPART and r.quality == 0 for r in ranges)
    if request_type == MULTIPART and version == "4.0" and not refused:
        return MULTIPART
    return request_type if own >= foreign else other


def _by_option(wanted: Mapping[str, Media], format_option: str, remedy: str) -> Media:
    found = wanted.get(parse_format_option(format_option).type)
    if found is None:
        raise NotAcceptable(
            f"$format={format_option} cannot be served here; use {remedy}", target="$format"
        )
    return found


def parse_entity_tags(values: Iterable[str]) -> frozenset[str]:
    """The tags of If-None-Match as weak ones, which is how they compare (RFC 9110 13.1.2).

    >>> sorted(parse_entity_tags(['"a", W/"b"', "*"]))
    ['*', 'W/"a"', 'W/"b"']
    """
    found = (match[0] for value in values for match in _ENTITY_TAG.finditer(value))
    return frozenset(f"W/{tag}" if tag.startswith('"') else tag for tag in found)


def check_match(if_match: Sequence[str], headers: Sequence[tuple[str, str]]) -> None:
    """If-Match on a reading request: the answer must have one of these tags (Protocol 8.2.4).

    All tags are weak here, and compare as such. `*` matches whatever there is.

    Raises:
        PreconditionFailed: it has none of them.
    """
    wanted = parse_entity_tags(if_match)
    if not if_match or "*" in wanted or dict(headers).get("ETag") in wanted:
        return
    raise PreconditionFailed(
        "If-Match: the answer has another ETag now, or none; read it again without If-Match",
        target="If-Match",
    )
