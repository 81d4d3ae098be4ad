"""A value of a row as a cell of an HTML table: its text, its instant, and where it leads.

A person's or a content's name leads to their page. Of the texts of users, only addresses of
`https` become links.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from gateway.edm.model import Property, Schema
from gateway.edm.types import PrimitiveType
from gateway.pages.feed import Row
from gateway.pages.wording import Wording

PERSON_PAGE, CONTENT_PAGE = "person", "content"
_KEYS: Final = {PERSON_PAGE: "userId", CONTENT_PAGE: "contentId"}
_NAMES: Final = {
    "userId": PERSON_PAGE,
    "userName": PERSON_PAGE,
    "userEmail": PERSON_PAGE,
    "contentId": CONTENT_PAGE,
    "contentName": CONTENT_PAGE,
}
_OWN: Final = {"Users": (PERSON_PAGE, "id"), "Contents": (CONTENT_PAGE, "id")}
_OWN_NAMES: Final = frozenset({"id", "name", "email"})
_ADDRESS: Final = re.compile(r"https://[!-~]+")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text; `moment` is set for instants. `outside` is an address elsewhere.

    `is_listed` is True for a value of the contract file's list, which may have a display name.
    """

    text: str
    moment: datetime | None = None
    link: str = ""
    outside: str = ""
    is_listed: bool = False


def subject_link(base: str, page: str, key: str) -> str:
    """Return the URL of the page of a person or a content.

    >>> subject_link("/", PERSON_PAGE, "a b&c")
    '/person?id=a%20b%26c'
    """
    return f"{base}{page}?id={quote(key, safe='')}"


class Cells:
    """Makes the cells of one table for a caller, whose schema decides which pages there are."""

    def __init__(self, base: str, table: str, schema: Schema, wording: Wording) -> None:
        results = schema.find_set("Results")
        self._pages = {
            page
            for page, key in _KEYS.items()
            if results is not None and results.entity_type.find(key) is not None
        }
        self._base, self._table, self._wording = base, table, wording

    def cell(self, prop: Property, row: Row) -> Cell:
        """Return the cell of a row in a column."""
        value = row.get(prop.name)
        if value is None:
            return Cell("")
        if prop.collection:
            return Cell("; ".join(map(str, value)))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Cell(self._wording.exact(value))
        text = str(value)
        if prop.type is PrimitiveType.DATE_TIME_OFFSET:
            return Cell(text, moment_of(text))
        if text in prop.known_values:
            named = dict(prop.value_labels).get(text)  # the owner's own name for it
            return Cell(text, is_listed=True) if named is None else Cell(named)
        return Cell(text, link=self._link(prop.name, row), outside=address_in(text))

    def _link(self, name: str, row: Mapping[str, object]) -> str:
        page, column = self._owner(name)
        key = row.get(column)
        return subject_link(self._base, page, str(key)) if page in self._pages and key else ""

    def _owner(self, name: str) -> tuple[str, str]:
        """Return the page that a column leads to, and the column with its key."""
        if self._table in _OWN:
            return _OWN[self._table] if name in _OWN_NAMES else ("", "")
        page = _NAMES.get(name, "")
        return page, _KEYS.get(page, "")


def address_in(text: str) -> str:
    """Return the text if it is an address of https, or an empty text.

    >>> address_in("https://example.com/a.png"), address_in("javascript:alert(1)")
    ('https://example.com/a.png', '')
    >>> address_in("https://a@b/"), address_in("https:///x"), address_in("see https://a.example")
    ('', '', '')
    """
    if not _ADDRESS.fullmatch(text):
        return ""
    try:
        parts = urlsplit(text)
        is_plain = bool(parts.hostname) and "@" not in parts.netloc and "\\" not in text
    except ValueError:
        return ""
    return text if is_plain else ""


def moment_of(text: str) -> datetime | None:
    """Return the instant of a text of OData, or None if there is no such date."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
