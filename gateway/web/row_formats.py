"""Accept and $format -> the format of rows (Protocol 8.2.1 and 11.2.11, JSON Format 3).

$format overrides Accept. JSON wins over other types of the same quality: Power Query lists Atom too
and breaks when it gets it.
"""

from __future__ import annotations

from gateway.edge.media import MediaRange, parse_accept, parse_format_option
from gateway.errors import NotAcceptable
from gateway.web.negotiation import LEGACY_ADVICE
from gateway.writer.format import EXPORTS, Format, Media, Metadata

_WILDCARDS = ("*/*", "application/*")
_EXPORT_RANGES = {media.value: media for media in EXPORTS} | {"text/*": Media.CSV}
_LEGACY_FEEDS = {"application/atom+xml", "application/atomsvc+xml"}
_PARAMETERS = {
    Media.CSV: {("charset", "utf-8"), ("header", "present")},
    Media.XLSX: {("header", "names"), ("header", "labels")},
}


def negotiate_rows(
    accept: str | None, format_option: str | None, version: str, *, whole: bool
) -> Format:
    """Return JSON, or an export format if the resource is a whole collection (`whole`).

    Raises:
        NotAcceptable: neither $format nor any range of Accept can be served.
    """
    if format_option is not None:
        found = _format_of(parse_format_option(format_option), version, whole=whole)
        if found is None:
            names = _listed("json", "csv", "xlsx", "arrow", "parquet") if whole else "json"
            raise NotAcceptable(
                f"$format={format_option} cannot be served here; use {names}", target="$format"
            )
        return found
    for media_range in sorted(_usable(parse_accept(accept or "*/*")), key=_rank):
        found = _format_of(media_range, version, whole=whole)
        if found is not None:
            return found
    names = _listed(Media.JSON, *(EXPORTS if whole else ()))
    feeds = {r.type for r in parse_accept(accept or "")} & _LEGACY_FEEDS
    advice = f". If this is Excel's legacy feed reader, {LEGACY_ADVICE}" if feeds else ""
    raise NotAcceptable(
        f"Accept: {accept} allows no format that is served here; send {names}{advice}"
    )


def _listed(*names: str) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if names[1:] else names[0]


def _usable(ranges: list[MediaRange]) -> list[MediaRange]:
    """Drop ranges of quality 0, and wildcards if JSON itself has quality 0 (RFC 9110 12.5.1)."""
    refused = {r.type for r in ranges if r.quality == 0 and not r.parameters}
    wildcards = _WILDCARDS if Media.JSON in refused else ()
    return [r for r in ranges if r.quality > 0 and r.type not in wildcards]


def _rank(media_range: MediaRange) -> tuple[float, int]:
    """Return a sort key: quality, then JSON by name, other names, wildcards."""
    exactness = 2 if media_range.type.endswith("*") else int(media_range.type != Media.JSON)
    return -media_range.quality, exactness


def _format_of(media_range: MediaRange, version: str, *, whole: bool) -> Format | None:
    """Return the format of a range; None if it is not served or has an unknown parameter."""
    if media_range.type in _WILDCARDS:
        return Format(version)
    if media_range.type == Media.JSON:
        return _json_format(media_range, version)
    media = _EXPORT_RANGES.get(media_range.type) if whole else None
    if media is None or not _PARAMETERS.get(media, set()).issuperset(media_range.parameters):
        return None
    labels = ("header", "labels") in media_range.parameters
    return Format(version, media, spreadsheet=media_range.abbreviated, labels=labels)


def _json_format(media_range: MediaRange, version: str) -> Format | None:
    metadata, ieee754, streaming, charset = Metadata.MINIMAL, False, False, False
    for name, value in media_range.parameters:
        match name.removeprefix("odata."), value:
            case "metadata", ("none" | "minimal" | "full"):
                metadata = Metadata(value)
            case "ieee754compatible", ("true" | "false"):
                ieee754 = value == "true"
            case "streaming", ("true" | "false"):
                streaming = value == "true"
            case "exponentialdecimals", ("true" | "false"):
                pass
            case "charset", "utf-8":
                charset = True
            case _:
                return None
    return Format(version, Media.JSON, metadata, ieee754, streaming, charset)
