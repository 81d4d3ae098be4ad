"""The negotiated format: the media type, and the control information in JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Metadata(StrEnum):
    """The amount of control information (JSON Format 3.1)."""

    NONE = "none"
    MINIMAL = "minimal"
    FULL = "full"


class Media(StrEnum):
    """The formats of responses; the value is the media type."""

    JSON = "application/json"
    XML = "application/xml"
    TEXT = "text/plain"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"
    PARQUET = "application/vnd.apache.parquet"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


EXPORTS: dict[Media, str] = {
    Media.CSV: "csv",
    Media.XLSX: "xlsx",
    Media.ARROW: "arrows",
    Media.PARQUET: "parquet",
}
"""Formats for whole collections in one file, with the extension of the file's name."""


@dataclass(frozen=True, slots=True)
class Format:
    """The requested format; the other parameters apply to JSON only.

    `version` is `4.0` or `4.01`. `ieee754` sends 64-bit numbers as strings. `charset` and
    `streaming` are echoed only if requested (JSON Format 3). `omit_nulls` comes from Prefer.
    `spreadsheet` is CSV for Excel: with a byte order mark, and texts cannot run as formulas.
    `labels` heads the columns of a workbook by display names, instead of their published ones.
    All formats have `version` and `media`.
    """

    version: str = "4.0"
    media: Media = Media.JSON
    metadata: Metadata = Metadata.MINIMAL
    ieee754: bool = False
    streaming: bool = False
    charset: bool = False
    omit_nulls: bool = False
    spreadsheet: bool = False
    labels: bool = False

    @property
    def prefix(self) -> str:
        """Return `@odata.` for 4.0, `@` for 4.01: Excel and Power BI fail on the other one."""
        return "@odata." if self.version == "4.0" else "@"

    @property
    def type_mark(self) -> str:
        """Return the prefix of a primitive type's name: `#` in 4.0, none in 4.01 (4.6.3)."""
        return "#" if self.version == "4.0" else ""

    def preference(self, name: str) -> str:
        """Return a preference's name in `Preference-Applied` for this version (Protocol 8.2.8)."""
        return f"odata.{name}" if self.version == "4.0" else name

    @property
    def content_type(self) -> str:
        """Return the media type with the parameters that were applied."""
        if self.media is Media.CSV:
            return f"{self.media};charset=utf-8;header=present"
        if self.media is not Media.JSON:
            return self.media
        odata = "odata." if self.version == "4.0" else ""
        text = f"application/json;{odata}metadata={self.metadata}"
        text += f";{odata}streaming=true" if self.streaming else ""
        text += ";IEEE754Compatible=true" if self.ieee754 else ""
        return text + (";charset=utf-8" if self.charset else "")
