"""Media ranges: the values of Accept and $format (RFC 9110 12.5.1, Protocol 11.2.11)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_PARAMETER = re.compile(r"""\s*([\w.!#$&^+-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;]*))?\s*""")
_QUALITY = re.compile(r"0?\.\d{1,3}|[01]|0\.|1\.0{0,3}")
_NAME = re.compile(r"[\w.+*-]+/[\w.+*-]+")
_NEUTRAL_PARAMETERS: tuple[tuple[tuple[str, str], ...], ...] = ((), (("charset", "utf-8"),))
_SHORT_NAMES = {
    "json": "application/json",
    "xml": "application/xml",
    "atom": "application/atom+xml",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One item of Accept, or the value of $format; names and parameters in lower case.

    `abbreviated` is True if $format has a short name.
    """

    type: str
    parameters: tuple[tuple[str, str], ...]
    quality: float
    abbreviated: bool = False

    @property
    def is_for_data(self) -> bool:
        """True if a parameter is about the format of rows; $metadata and /$count have none."""
        names = {name.removeprefix("odata.") for name, _ in self.parameters}
        return bool(names & {"metadata", "odata", "streaming", "ieee754compatible"})


def parse_accept(text: str) -> list[MediaRange]:
    """Parse the items of Accept, in order; skip malformed ones.

    >>> [(r.type, r.quality) for r in parse_accept("application/json;q=0.5, */*")]
    [('application/json', 0.5), ('*/*', 1.0)]
    """
    found = (_media_range(item) for item in text.split(","))
    return [item for item in found if item is not None]


def parse_format_option(text: str) -> MediaRange:
    """Parse the value of $format, abbreviated or not; a malformed one matches nothing."""
    name, semicolon, rest = text.partition(";")
    full = _SHORT_NAMES.get(name.strip().lower())
    found = _media_range(f"{full or name}{semicolon}{rest}") or MediaRange("", (), 0.0)
    return replace(found, abbreviated=full is not None)


def quality_of(media_type: str, ranges: Iterable[MediaRange]) -> float:
    """Return the quality of a type in UTF-8 without parameters; the most specific range counts.

    >>> quality_of("text/plain", parse_accept("text/*;q=0.3, */*"))
    0.3
    """
    family = media_type.partition("/")[0]
    found = {r.type: r.quality for r in ranges if r.parameters in _NEUTRAL_PARAMETERS}
    for name in (media_type, f"{family}/*", "*/*"):
        if name in found:
            return found[name]
    return 0.0


def _media_range(item: str) -> MediaRange | None:
    name, *rest = item.split(";")
    type_ = name.strip().lower()
    if not _NAME.fullmatch(type_):
        return None
    parameters: list[tuple[str, str]] = []
    quality = 1.0
    for part in rest:
        match = _PARAMETER.fullmatch(part)
        if match is None:
            return None
        key, value = match[1].lower(), (match[2] or "").strip('"').lower()
        if key == "q":
            quality = float(value) if _QUALITY.fullmatch(value) else 0.0
        else:
            parameters.append((key, value))
    return MediaRange(type_, tuple(parameters), quality)
