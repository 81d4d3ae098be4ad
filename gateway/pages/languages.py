"""The languages of the pages: the texts of each, and the choice for a request.

A choice that the reader made is in a cookie; otherwise `Accept-Language` decides. A URL never names
a language, so a link that readers share opens in the language of each of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import SimpleNamespace
from typing import Any, Final

from babel import Locale
from starlette.requests import Request

from gateway.pages.wording import Plural, Wording

COOKIE: Final = "skillhabit_language"
"""The cookie with the code of the language that the reader chose."""
DEFAULT: Final = "en"
_MAX_RANGES = 20
_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]\s*=\s*([01]?\.?\d{0,3}))?\s*"
)
_CATEGORIES: Final = frozenset({"zero", "one", "two", "few", "many", "other"})


@dataclass(frozen=True, slots=True)
class Language:
    """A language in one region, such as `de-AT`, with the texts and formats of its pages."""

    tag: str
    texts: SimpleNamespace
    wording: Wording

    @property
    def code(self) -> str:
        """Return the language without its region."""
        return self.tag.partition("-")[0]


class Languages:
    """All languages of the pages."""

    def __init__(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._regions = {code: tuple(table["regions"]) for code, table in tables.items()}
        self._languages = {each.tag: each for table in tables.values() for each in _regional(table)}
        self.names: tuple[tuple[str, str], ...] = tuple(
            (code, table["name"]) for code, table in tables.items()
        )
        """The code and own name of each, the default first."""

    def __contains__(self, code: str) -> bool:
        return code in self._regions

    def of(self, request: Request) -> Language:
        """Return the language for a request."""
        ranges = preferred(",".join(request.headers.getlist("accept-language")))
        chosen = request.cookies.get(COOKIE, "")
        if chosen not in self._regions:
            chosen = next((code for code in map(_code, ranges) if code in self._regions), DEFAULT)
        wanted = (each for each in ranges if _code(each) == chosen)
        tags = (f"{chosen}-{each.rpartition('-')[2].upper()}" for each in wanted)
        first = f"{chosen}-{self._regions[chosen][0]}"
        return self._languages[next((tag for tag in tags if tag in self._languages), first)]


def preferred(accepted: str) -> tuple[str, ...]:
    """Return the language ranges of `Accept-Language` (RFC 9110, 12.5.4), the preferred one first.

    >>> preferred("sv;q=0.5, de-AT, fr;q=0, *;q=0.1, odd range")
    ('de-at', 'sv', '*')
    """
    found = []
    for item in accepted.split(",")[:_MAX_RANGES]:
        match = _RANGE.fullmatch(item)
        quality = 0.0 if match is None else _quality(match[2])
        if match is not None and quality:
            found.append((-quality, match[1].lower()))
    return tuple(each for _, each in sorted(found, key=lambda pair: pair[0]))


def _quality(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0


def _code(language_range: str) -> str:
    return DEFAULT if language_range == "*" else language_range.partition("-")[0]


@cache
def read_languages() -> Languages:
    """Return the languages that have a file in `texts`."""
    return Languages(read_tables(files("gateway.pages").joinpath("texts")))


def read_tables(folder: Traversable) -> dict[str, dict[str, Any]]:
    """Return the table of texts of each file in a folder, by language; the default is first."""
    found = sorted(file.name.removesuffix(".toml") for file in folder.iterdir())
    codes = sorted(found, key=lambda code: code != DEFAULT)
    return {
        code: tomllib.loads(folder.joinpath(f"{code}.toml").read_text("utf-8")) for code in codes
    }


@cache
def read_texts(language: str = DEFAULT) -> SimpleNamespace:
    """Return all texts of a language, grouped by page."""
    return _as_texts(read_tables(files("gateway.pages").joinpath("texts"))[language])


def _regional(table: Mapping[str, Any]) -> Iterator[Language]:
    """Yield a language in each of its regions."""
    texts = _as_texts(table)
    for region in table["regions"]:
        tag = f"{texts.language}-{region}"
        locale = Locale.parse(tag, sep="-")
        labels, tables = table.get("labels", {}), table.get("tables", {})
        yield Language(tag, texts, Wording(locale, texts.state.just_now, labels, tables))


def _as_texts(table: Mapping[str, Any]) -> SimpleNamespace:
    """Return a table with its entries as attributes; a dict has its own, such as `copy`."""
    return SimpleNamespace(**{name: _as_text(value) for name, value in table.items()})


def _as_text(value: Any) -> Any:
    """Return a text, a list of texts, the forms of a text, or the texts of a group."""
    if not isinstance(value, dict):
        return value
    return Plural(value) if is_plural(value) else _as_texts(value)


def is_plural(table: Mapping[str, Any]) -> bool:
    """Return True if a table has the forms of one text."""
    return "other" in table and table.keys() <= _CATEGORIES
