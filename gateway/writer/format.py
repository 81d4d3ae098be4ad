"""The format that was negotiated: the media type, and how much control information JSON has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Metadata(StrEnum):
    """How much control information the client wants (JSON Format 3.1)."""

    NONE = "none"
    MINIMAL = "minimal"
    FULL = "full"


class Media(StrEnum):
    """What the service writes; the value is the media type."""

    JSON = "application/json"
    XML = "application/xml"
    TEXT = "text/plain"
    CSV = "text/csv"
    ARROW = "application/vnd.apache.arrow.stream"
    PARQUET = "application/vnd.apache.parquet"


EXPORTS: dict[Media, str] = {Media.CSV: "csv", Media.ARROW: "arrows", Media.PARQUET: "parquet"}
"""Whole collections in one file, for who knows no OData, by the extension of the file's name."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a client asked for; all but `version`, `media` and `spreadsheet` is about JSON.

    `version` is `4.0` or `4.01`. `ieee754` sends 64-bit numbers as strings. `charset` and
    `streaming` are echoed only when asked for (JSON Format 3). `omit_nulls` comes from Prefer.
    `spreadsheet` is CSV for Excel: with a byte order mark, and no text is taken for a formula.
    """

    version: str = "4.0"
    media: Media = Media.JSON
    metadata: Metadata = Metadata.MINIMAL
    ieee754: bool = False
    streaming: bool = False
    charset: bool = False
    omit_nulls: bool = False
    spreadsheet: bool = False

    @property
    def prefix(self) -> str:
        """`@odata.` for 4.0, `@` for 4.01: Excel and Power BI fail on the other one."""
        return "@odata." if self.version == "4.0" else "@"

    @property
    def type_mark(self) -> str:
        """`#` in front of a primitive type's name; 4.01 drops it (JSON Format 4.6.3)."""
        return "#" if self.version == "4.0" else ""

    def preference(self, name: str) -> str:
        """A preference as this version spells it in `Preference-Applied` (Protocol 8.2.8)."""
        return f"odata.{name}" if self.version == "4.0" else name

    @property
    def content_type(self) -> str:
        """The media type with the parameters that were applied."""
        if self.media is Media.CSV:
            return f"{self.media};charset=utf-8;header=present"
        if self.media is not Media.JSON:
            return self.media
        odata = "odata." if self.version == "4.0" else ""
        text = f"application/json;{odata}metadata={self.metadata}"
        text += f";{odata}streaming=true" if self.streaming else ""
        text += ";IEEE754Compatible=true" if self.ieee754 else ""
        return text + (";charset=utf-8" if self.charset else "")
