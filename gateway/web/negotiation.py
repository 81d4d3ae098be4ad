"""Headers and $format -> the format of the answer (Protocol 8.2, JSON Format 3).

$format beats Accept; JSON wins whatever else a client lists, because Power Query lists Atom too and
breaks when it gets it. The default version is 4.0, for ever (Protocol 8.2.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.errors import NotAcceptable, PreconditionFailed, UnsupportedVersion
from gateway.exchange import Answer
from gateway.writer.format import Format, Metadata

JSON, MULTIPART = "application/json", "multipart/mixed"
_PARAMETER = re.compile(r"""\s*([\w.!#$&^+-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;]*))?\s*""")
_ENTITY_TAG = re.compile(r'(?:W/)?"[^"]*"|\*')
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3})?")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One item of Accept, or the value of $format; names in lower case."""

    type: str
    parameters: tuple[tuple[str, str], ...]
    quality: float


def negotiate_version(max_version: str | None, version: str | None) -> str:
    """The answer's version: the highest we speak that the client allows.

    Versions compare as decimals: 4.1 allows 4.01, and so does 5.0.

    Raises:
        UnsupportedVersion: the client allows none that we speak.
    """
    for name, text in (("OData-MaxVersion", max_version), ("OData-Version", version)):
        if text is not None and not _VERSION.fullmatch(text.strip()):
            raise UnsupportedVersion(f"{name}: {text!r} is not a version; send 4.0 or 4.01")
    if version is not None and version.strip() not in ("4.0", "4.01", "4"):
        raise UnsupportedVersion(f"OData-Version: {version} is not spoken here; send 4.0 or 4.01")
    if max_version is None:
        return "4.0"
    if float(max_version) < 4.0:
        raise UnsupportedVersion(
            f"OData-MaxVersion: {max_version} excludes every version spoken here, 4.0 and 4.01; in"
            " Excel use Data > Get Data > From Other Sources > From OData Feed"
        )
    return "4.01" if float(max_version) >= 4.01 else "4.0"


def check_isolation(value: str | None) -> None:
    """`snapshot` is granted, because every feed is one.

    Raises:
        PreconditionFailed: for anything else (Protocol 8.2.5).
    """
    if value is not None and value.strip().lower() != "snapshot":
        raise PreconditionFailed(f"Isolation: {value!r} is not known; the only level is snapshot")


def negotiate_json(accept: str | None, format_option: str | None, version: str) -> Format:
    """The JSON to send.

    Raises:
        NotAcceptable: no range of Accept, or the $format, can be served.
    """
    if format_option is not None:
        found = _json_format(_from_format_option(format_option), version)
        if found is None:
            raise NotAcceptable(
                f"$format={format_option} cannot be served here; use json", target="$format"
            )
        return found
    if accept is None or not accept.strip():
        return Format(version)
    for media_range in sorted(_usable(parse_accept(accept)), key=lambda r: -r.quality):
        found = _json_format(media_range, version)
        if found is not None:
            return found
    raise NotAcceptable(
        f"Accept: {accept} leaves no format that is served here; send application/json. Excel's"
        " legacy feed reader knows Atom only: use Data > Get Data > From OData Feed instead"
    )


def negotiate_batch(accept: str | None, request_type: str) -> str:
    """The media type of a batch's answer: the request's, unless Accept prefers the other.

    Raises:
        NotAcceptable: Accept leaves neither.
    """
    if accept is None or not accept.strip():
        return request_type
    meanings = {"*/*": request_type, "multipart/*": MULTIPART, "application/*": JSON}
    meanings |= {MULTIPART: MULTIPART, JSON: JSON}
    found = [
        (r.quality, meanings[r.type]) for r in _usable(parse_accept(accept)) if r.type in meanings
    ]
    if not found:
        raise NotAcceptable(f"Accept: {accept} leaves no format; send {MULTIPART} or {JSON}")
    best = [type_ for quality, type_ in found if quality == max(found)[0]]
    return request_type if request_type in best else best[0]


def check_metadata_format(format_option: str | None) -> None:
    """`$metadata` is XML for every client, whatever Accept says: Power Query asks for JSON first.

    Raises:
        NotAcceptable: $format asks for something else.
    """
    wanted = None if format_option is None else _from_format_option(format_option).type
    if wanted not in (None, "application/xml", "*/*", "application/*"):
        raise NotAcceptable(
            f"$format={format_option}: $metadata is served as xml here", target="$format"
        )


def check_count_format(format_option: str | None) -> None:
    """`/$count` is plain text.

    Raises:
        NotAcceptable: $format asks for something else.
    """
    wanted = None if format_option is None else _from_format_option(format_option).type
    if wanted not in (None, "text/plain", "*/*", "text/*"):
        raise NotAcceptable(
            f"$format={format_option}: /$count is text/plain; leave $format out", target="$format"
        )


def parse_entity_tags(values: Iterable[str]) -> frozenset[str]:
    """The tags of If-None-Match as weak ones, which is how they compare (RFC 9110 13.1.2).

    >>> sorted(parse_entity_tags(['"a", W/"b"', "*"]))
    ['*', 'W/"a"', 'W/"b"']
    """
    found = (match[0] for value in values for match in _ENTITY_TAG.finditer(value))
    return frozenset(f"W/{tag}" if tag.startswith('"') else tag for tag in found)


def check_match(if_match: Sequence[str], answer: Answer) -> None:
    """If-Match on a reading request: the answer must have one of these tags (Protocol 8.2.4).

    All tags are weak here, and compare as such. `*` matches whatever there is.

    Raises:
        PreconditionFailed: it has none of them.
    """
    wanted = parse_entity_tags(if_match)
    if not if_match or "*" in wanted or dict(answer.headers).get("ETag") in wanted:
        return
    raise PreconditionFailed(
        "If-Match: the answer has another ETag now, or none; read it again without If-Match",
        target="If-Match",
    )


def parse_accept(text: str) -> list[MediaRange]:
    """The items of Accept, in order; malformed ones are left out.

    >>> [(r.type, r.quality) for r in parse_accept("application/json;q=0.5, */*")]
    [('application/json', 0.5), ('*/*', 1.0)]
    """
    found = (_media_range(item) for item in text.split(","))
    return [item for item in found if item is not None]


def _usable(ranges: list[MediaRange]) -> list[MediaRange]:
    """Without those of quality 0, nor wildcards when JSON itself has it (RFC 9110 12.5.1)."""
    refused = {r.type for r in ranges if r.quality == 0 and not r.parameters}
    wildcards = ("*/*", "application/*") if "application/json" in refused else ()
    return [r for r in ranges if r.quality > 0 and r.type not in wildcards]


def _from_format_option(text: str) -> MediaRange:
    short = {"json": "application/json", "xml": "application/xml", "atom": "application/atom+xml"}
    name, semicolon, rest = text.partition(";")
    full = short.get(name.strip().lower(), name)
    return _media_range(f"{full}{semicolon}{rest}") or MediaRange("", (), 0.0)


def _media_range(item: str) -> MediaRange | None:
    name, *rest = item.split(";")
    type_ = name.strip().lower()
    if not re.fullmatch(r"[\w.+*-]+/[\w.+*-]+", type_):
        return None
    parameters: list[tuple[str, str]] = []
    quality = 1.0
    for part in rest:
        match = _PARAMETER.fullmatch(part)
        if match is None:
            return None
        key, value = match[1].lower(), (match[2] or "").strip('"').lower()
        if key == "q":
            quality = _quality(value)
        else:
            parameters.append((key, value))
    return MediaRange(type_, tuple(parameters), quality)


def _quality(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.\d{0,3})?", text) else 0.0


def _json_format(media_range: MediaRange, version: str) -> Format | None:
    """The format a range asks for; None when it is not JSON or has a parameter we do not know."""
    if media_range.type in ("*/*", "application/*"):
        return Format(version)
    if media_range.type != "application/json":
        return None
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
    return Format(version, metadata, ieee754, streaming, charset)
