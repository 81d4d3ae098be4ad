"""The preferences of the `Prefer` header that the service applies (RFC 7240, Protocol 8.2.8).

Unknown, unsupported and malformed preferences are ignored, as 8.2.8 demands. The response lists
the applied ones in `Preference-Applied`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PREFERENCE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~\w-]+)            # name
        (?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?   # value, quoted or not
        (?:\s*;[^,]*)?\s*(?:,|$)             # no preference here has parameters""",
    re.VERBOSE,
)


_BOOLEANS = {"": True, "true": True, "false": False}
_TRACKING = ("track-changes", "odata.track-changes")
_ANNOTATION = r"-?(?:\*|\w+(?:\.\w+)*(?:\.\*)?(?:\#\w+)?)"
_ANNOTATIONS = re.compile(rf"{_ANNOTATION}(?:,{_ANNOTATION})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preferences:
    """The client's preferences.

    `max_page_size` is in rows, at least 1, None if absent. `omit_nulls` leaves out properties
    whose value is null. `include_annotations` is the value as written, empty if absent.
    `track_changes` requests a deltaLink on the last page (8.2.8.6).
    `continue_on_error` applies to a `$batch`, None if absent.
    """

    max_page_size: int | None = None
    omit_nulls: bool = False
    include_annotations: str = ""
    continue_on_error: bool | None = None
    track_changes: bool = False


def includes_annotation(preference: str, term: str) -> bool:
    """Return True if `include_annotations` includes a term; the most specific wins (8.2.8.4).

    >>> includes_annotation("Skillhabit.*", "Skillhabit.SnapshotTakenAt")
    True
    >>> includes_annotation("*,-Skillhabit.*", "Skillhabit.SnapshotTakenAt")
    False
    """
    namespace = term.rpartition(".")[0]
    patterns = [pattern for pattern in preference.split(",") if pattern]
    for name in (term, f"{namespace}.*", "*"):
        found = [p for p in patterns if p.removeprefix("-") == name]
        if found:
            return not any(p.startswith("-") for p in found)
    return False


def parse_preferences(values: Iterable[str]) -> Preferences:
    """Parse all `Prefer` lines; a name without `odata.` wins over one with it (Protocol 8.2.8).

    >>> parse_preferences(["odata.maxpagesize=50, respond-async"]).max_page_size
    50
    >>> parse_preferences(["maxpagesize=7", "odata.maxpagesize=50"]).max_page_size
    7
    >>> parse_preferences(["maxpagesize=0", "=;broken", "omit-values=nulls"]).omit_nulls
    True
    >>> parse_preferences(["odata.continue-on-error"]).continue_on_error
    True
    >>> parse_preferences(["track-changes, maxpagesize=7"]).track_changes
    True
    """
    found: dict[str, str] = {}
    for value in values:
        for match in _PREFERENCE.finditer(value):
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))

    def value_of(name: str) -> str:
        return found.get(name, found.get(f"odata.{name}", ""))

    annotations = value_of("include-annotations")
    continues = found.get("continue-on-error", found.get("odata.continue-on-error", "unknown"))
    return Preferences(
        max_page_size=_rows(value_of("maxpagesize")),
        omit_nulls=value_of("omit-values").lower() == "nulls",
        include_annotations=annotations if _ANNOTATIONS.fullmatch(annotations) else "",
        continue_on_error=_BOOLEANS.get(continues.lower()),
        track_changes=not found.keys().isdisjoint(_TRACKING),
    )


def _rows(text: str) -> int | None:
    usable = text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0
    return int(text) if usable else None


def merge_preferences(own: Iterable[str], inherited: Iterable[str]) -> str:
    """Return one `Prefer` value: all of `own`, and those of `inherited` that it does not name.

    >>> merge_preferences(["odata.maxpagesize=2"], ["maxpagesize=9, respond-async"])
    'odata.maxpagesize=2, respond-async'
    """
    merged = [match for value in own for match in _PREFERENCE.finditer(value)]
    own_names = {_bare_name(match) for match in merged}
    for value in inherited:
        merged += [m for m in _PREFERENCE.finditer(value) if _bare_name(m) not in own_names]
    return ", ".join(match[0].strip(" \t,") for match in merged)


def _bare_name(match: re.Match[str]) -> str:
    return match[1].lower().removeprefix("odata.")
