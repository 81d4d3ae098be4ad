"""The `Prefer` header (RFC 7240, OData Protocol 8.2.8) as far as the service applies it.

Unknown, unsupported and malformed preferences are ignored, as 8.2.8 demands; whatever is applied
is answered in `Preference-Applied`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PREFERENCE = re.compile(
    r"""\s*([!#$%&'*+.^_`|~\w-]+)            # name
        (?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?   # value, quoted or not
        (?:\s*;[^,]*)?\s*(?:,|$)             # parameters are not used by any preference we know""",
    re.VERBOSE,
)


_BOOLEANS = {"": True, "true": True, "false": False}
_TRACKING = ("track-changes", "odata.track-changes")
_ANNOTATION = r"-?(?:\*|\w+(?:\.\w+)*(?:\.\*)?(?:\#\w+)?)"
_ANNOTATIONS = re.compile(rf"{_ANNOTATION}(?:,{_ANNOTATION})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the client would like.

    `max_page_size` is in rows, at least 1, None when not asked. `omit_nulls` leaves properties out
    whose value is null. `include_annotations` is kept as written, empty when not asked.
    `track_changes` asks for a deltaLink at the end of the feed (8.2.8.6).
    `continue_on_error` is about a `$batch`, None when not asked.
    """

    max_page_size: int | None = None
    omit_nulls: bool = False
    include_annotations: str = ""
    continue_on_error: bool | None = None
    track_changes: bool = False


def includes_annotation(wish: str, term: str) -> bool:
    """Whether `include_annotations` asks for a term; the most specific pattern decides (8.2.8.4).

    >>> includes_annotation("Skillhabit.*", "Skillhabit.SnapshotTakenAt")
    True
    >>> includes_annotation("*,-Skillhabit.*", "Skillhabit.SnapshotTakenAt")
    False
    """
    namespace = term.rpartition(".")[0]
    patterns = [pattern for pattern in wish.split(",") if pattern]
    for name in (term, f"{namespace}.*", "*"):
        found = [p for p in patterns if p.removeprefix("-") == name]
        if found:
            return not any(p.startswith("-") for p in found)
    return False


def parse_preferences(values: Iterable[str]) -> Preferences:
    """All `Prefer` header lines; with and without `odata.`, the latter wins (Protocol 8.2.8).

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

    def wish(name: str) -> str:
        return found.get(name, found.get(f"odata.{name}", ""))

    annotations = wish("include-annotations")
    going_on = found.get("continue-on-error", found.get("odata.continue-on-error", "unknown"))
    return Preferences(
        max_page_size=_rows(wish("maxpagesize")),
        omit_nulls=wish("omit-values").lower() == "nulls",
        include_annotations=annotations if _ANNOTATIONS.fullmatch(annotations) else "",
        continue_on_error=_BOOLEANS.get(going_on.lower()),
        track_changes=not found.keys().isdisjoint(_TRACKING),
    )


def _rows(text: str) -> int | None:
    usable = text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0
    return int(text) if usable else None


def merge_preferences(own: Iterable[str], inherited: Iterable[str]) -> str:
    """One `Prefer` value: all of `own`, and what of `inherited` it does not speak of.

    >>> merge_preferences(["odata.maxpagesize=2"], ["maxpagesize=9, respond-async"])
    'odata.maxpagesize=2, respond-async'
    """
    kept = [match for value in own for match in _PREFERENCE.finditer(value)]
    spoken_of = {_bare_name(match) for match in kept}
    for value in inherited:
        kept += [m for m in _PREFERENCE.finditer(value) if _bare_name(m) not in spoken_of]
    return ", ".join(match[0].strip(" \t,") for match in kept)


def _bare_name(match: re.Match[str]) -> str:
    return match[1].lower().removeprefix("odata.")
