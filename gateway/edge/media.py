"""Media ranges: what stands in Accept and in $format (RFC 9110 12.5.1, Protocol 11.2.11)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

_PARAMETER = re.compile(r"""\s*([\w.!#$&^+-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;]*))?\s*""")
_QUALITY = re.compile(r"0?\.\d{1,3}|[01]|0\.|1\.0{0,3}")
_NAME = re.compile(r"[\w.+*-]+/[\w.+*-]+")
_PLAIN: tuple[tuple[tuple[str, str], ...], ...] = ((), (("charset", "utf-8"),))
_SHORT = {
    "json": "application/json",
    "xml": "application/xml",
    "atom": "application/atom+xml",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One item of Accept, or the value of $format; names and parameters in lower case.

    `abbreviated` tells that $format had the short name.
    """

    type: str
    parameters: tuple[tuple[str, str], ...]
    quality: float
    abbreviated: bool = False

    @property
    def is_for_data(self) -> bool:
        """Whether a parameter tells how rows shall look; a model or a number has no such thing."""
        names = {name.removeprefix("odata.") for name, _ in self.parameters}
        return bool(names & {"metadata", "odata", "streaming", "ieee754compatible"})


def parse_accept(text: str) -> list[MediaRange]:
    """The items of Accept, in order; malformed ones are left out.

    >>> [(r.type, r.quality) for r in parse_accept("application/json;q=0.5, */*")]
    [('application/json', 0.5), ('*/*', 1.0)]
    """
    found = (_media_range(item) for item in text.split(","))
    return [item for item in found if item is not None]


def parse_format_option(text: str) -> MediaRange:
    """The value of $format, abbreviated or not; a malformed one matches nothing."""
    name, semicolon, rest = text.partition(";")
    full = _SHORT.get(name.strip().lower())
    found = _media_range(f"{full or name}{semicolon}{rest}") or MediaRange("", (), 0.0)
    return replace(found, abbreviated=full is not None)


def quality_of(media_type: str, ranges: Iterable[MediaRange]) -> float:
    """How much a type is wanted, in UTF-8 and without parameters: the most exact range decides.

    >>> quality_of("text/plain", parse_accept("text/*;q=0.3, */*"))
    0.3
    """
    family = media_type.partition("/")[0]
    found = {r.type: r.quality for r in ranges if r.parameters in _PLAIN}
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
