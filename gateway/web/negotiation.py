"""Headers and $format -> version and format of the response, except for rows (Protocol 8.2).

The default version stays 4.0 (Protocol 8.2.7). `gateway.web.row_formats` negotiates rows.
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
    """Return the version of the response: the highest supported one that the client allows.

    Versions compare as decimals: 4.1 allows 4.01, and so does 5.0. A semicolon separates the
    client's name, e.g. `4.0;NetFx` of Microsoft's older .NET clients.

    >>> negotiate_version("4.0;NetFx", "4.0;NetFx")
    '4.0'

    Raises:
        UnsupportedVersion: the client allows no supported version.
    """
    max_version, version = _without_name(max_version), _without_name(version)
    for name, text in (("OData-MaxVersion", max_version), ("OData-Version", version)):
        if text is not None and not _VERSION.fullmatch(text):
            raise UnsupportedVersion(f"{name}: {text!r} is not a version; send 4.0 or 4.01")
    if version is not None and version not in ("4.0", "4.01", "4"):
        raise UnsupportedVersion(f"OData-Version: {version} is not supported; send 4.0 or 4.01")
    if max_version is None:
        return "4.0"
    if float(max_version) < 4.0:
        raise UnsupportedVersion(
            f"OData-MaxVersion: {max_version} excludes the supported versions, 4.0 and 4.01;"
            f" {LEGACY_ADVICE}"
        )
    return "4.01" if float(max_version) >= 4.01 else "4.0"


def _without_name(version: str | None) -> str | None:
    return None if version is None else version.partition(";")[0].strip()


def check_isolation(value: str | None) -> None:
    """Accept `snapshot`, because every response comes from one snapshot.

    Raises:
        PreconditionFailed: any other level is requested (Protocol 8.2.5).
    """
    if value is not None and value.strip().lower() != "snapshot":
        raise PreconditionFailed(f"Isolation: {value!r} is not supported; use snapshot")


def check_reader(user_agent: str) -> None:
    """Refuse Power Pivot's own reader, which reads only Atom, whatever its Accept says.

    Raises:
        NotAcceptable: this reader sends the request; the message names the right menu.
    """
    if user_agent.startswith("Microsoft.Data.DataFeedClient"):
        raise NotAcceptable(f"this legacy feed reader cannot read OData 4; {LEGACY_ADVICE}")


def negotiate_metadata(accept: str | None, format_option: str | None, version: str) -> Format:
    """Return CSDL XML, or CSDL JSON for clients that prefer it.

    Some clients, above all Power Query, send the Accept of their rows here too, but read only XML;
    a parameter about rows identifies them.

    Raises:
        NotAcceptable: the client accepts neither.
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
            f"Accept: {accept} allows no format of $metadata; send application/xml"
            " or application/json"
        )
    return Format(version, Media.JSON if as_json > as_xml else Media.XML)


def negotiate_text(accept: str | None, format_option: str | None, version: str) -> Format:
    """Return plain text for `/$count` and `/$value`, also for the Accept of rows or a batch.

    Raises:
        NotAcceptable: the client does not accept plain text.
    """
    if format_option is not None:
        wanted = dict.fromkeys(_TEXT_RANGES, Media.TEXT)
        return Format(version, _by_option(wanted, format_option, "text/plain, or leave it out"))
    ranges = parse_accept(accept or "*/*")
    of_rows = any(r.type == Media.JSON and r.quality > 0 for r in ranges)
    if quality_of(Media.TEXT, ranges) == 0 and not of_rows:
        raise NotAcceptable(f"Accept: {accept}: this resource is text/plain; send that or */*")
    return Format(version, Media.TEXT)


def negotiate_batch(accept: str | None, request_type: str, version: str) -> str:
    """Return the media type of a batch's response: the request's, unless Accept prefers the other.

    OData 4.0 has no JSON batch. Its clients mean the parts by `Accept: application/json`, and read
    only multipart; they get JSON only if they exclude multipart by name.

    Raises:
        NotAcceptable: Accept allows neither.
    """
    if accept is None or not accept.strip():
        return request_type
    other = JSON if request_type == MULTIPART else MULTIPART
    ranges = [replace(r, parameters=()) for r in parse_accept(accept)]  # about rows in the parts
    own, foreign = quality_of(request_type, ranges), quality_of(other, ranges)
    if own == foreign == 0:
        raise NotAcceptable(
            f"Accept: {accept} allows no format of a batch; send {MULTIPART} or {JSON}"
        )
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
    """Return the tags of If-None-Match as weak ones, which is how they compare (RFC 9110 13.1.2).

    >>> sorted(parse_entity_tags(['"a", W/"b"', "*"]))
    ['*', 'W/"a"', 'W/"b"']
    """
    found = (match[0] for value in values for match in _ENTITY_TAG.finditer(value))
    return frozenset(f"W/{tag}" if tag.startswith('"') else tag for tag in found)


def check_match(if_match: Sequence[str], headers: Sequence[tuple[str, str]]) -> None:
    """Check If-Match on a read: the response must have one of these ETags (Protocol 8.2.4).

    All ETags are weak here, and compare as such. `*` matches any.

    Raises:
        PreconditionFailed: the response has none of them.
    """
    wanted = parse_entity_tags(if_match)
    if not if_match or "*" in wanted or dict(headers).get("ETag") in wanted:
        return
    raise PreconditionFailed(
        "If-Match: the resource has another ETag now, or none; read it again without If-Match",
        target="If-Match",
    )
