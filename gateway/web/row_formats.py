"""Accept and $format -> the format of rows (Protocol 8.2.1 and 11.2.11, JSON Format 3).

$format beats Accept. JSON wins whatever else a client lists with the same quality: Power Query
lists Atom too and breaks when it gets it.
"""

from __future__ import annotations

from gateway.edge.media import MediaRange, parse_accept, parse_format_option
from gateway.errors import NotAcceptable
from gateway.web.negotiation import LEGACY_ADVICE
from gateway.writer.format import EXPORTS, Format, Media, Metadata

_WILDCARDS = ("*/*", "application/*")
_EXPORT_RANGES = {media.value: media for media in EXPORTS} | {"text/*": Media.CSV}
_CSV_PARAMETERS = {("charset", "utf-8"), ("header", "present")}


def negotiate_rows(
    accept: str | None, format_option: str | None, version: str, *, whole: bool
) -> Format:
    """JSON, or a file of a whole collection where the resource is one (`whole`).

    Raises:
        NotAcceptable: no range of Accept, or the $format, can be served.
    """
    if format_option is not None:
        found = _format_of(parse_format_option(format_option), version, whole=whole)
        if found is None:
            names = "json, csv, arrow or parquet" if whole else "json"
            raise NotAcceptable(
                f"$format={format_option} cannot be served here; use {names}", target="$format"
            )
        return found
    for media_range in sorted(_usable(parse_accept(accept or "*/*")), key=_rank):
        found = _format_of(media_range, version, whole=whole)
        if found is not None:
            return found
    raise NotAcceptable(
        f"Accept: {accept} leaves no format that is served here; send application/json. For Excel's"
        f" legacy feed reader: {LEGACY_ADVICE}"
    )


def _usable(ranges: list[MediaRange]) -> list[MediaRange]:
    """Without those of quality 0, nor wildcards when JSON itself has it (RFC 9110 12.5.1)."""
    refused = {r.type for r in ranges if r.quality == 0 and not r.parameters}
    wildcards = _WILDCARDS if Media.JSON in refused else ()
    return [r for r in ranges if r.quality > 0 and r.type not in wildcards]


def _rank(media_range: MediaRange) -> tuple[float, int]:
    """The most wanted first; of those alike JSON by name, then other names, then wildcards."""
    exactness = 2 if media_range.type.endswith("*") else int(media_range.type != Media.JSON)
    return -media_range.quality, exactness


def _format_of(media_range: MediaRange, version: str, *, whole: bool) -> Format | None:
    """The format a range asks for; None when it cannot be served or has an unknown parameter."""
    if media_range.type in _WILDCARDS:
        return Format(version)
    if media_range.type == Media.JSON:
        return _json_format(media_range, version)
    media = _EXPORT_RANGES.get(media_range.type) if whole else None
    known = _CSV_PARAMETERS if media is Media.CSV else set()
    if media is None or not known.issuperset(media_range.parameters):
        return None
    return Format(version, media, spreadsheet=media_range.abbreviated)


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
