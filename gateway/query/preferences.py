"""The preferences of the `Prefer` header that the service applies (RFC 7240, Protocol 8.2.8).

Unknown, unsupported and malformed preferences are ignored, as 8.2.8 demands. The response lists
the applied ones in `Preference-Applied`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

from grammar import Preference, parse_prefer

_BOOLEANS = {"": True, "true": True, "false": False}
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
    preferred: dict[str, str] = {}
    for preference in sorted(_well_formed(values), key=attrgetter("has_prefix")):
        preferred.setdefault(preference.name, preference.value)
    annotations = preferred.get("include-annotations", "")
    return Preferences(
        max_page_size=_rows(preferred.get("maxpagesize", "")),
        omit_nulls=preferred.get("omit-values", "").lower() == "nulls",
        include_annotations=annotations if _ANNOTATIONS.fullmatch(annotations) else "",
        continue_on_error=_BOOLEANS.get(preferred.get("continue-on-error", "unknown").lower()),
        track_changes="track-changes" in preferred,
    )


def _well_formed(values: Iterable[str]) -> list[Preference]:
    return [item for value in values for item in parse_prefer(value, skip_malformed=True)]


def _rows(text: str) -> int | None:
    usable = text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0
    return int(text) if usable else None


def merge_preferences(own: Iterable[str], inherited: Iterable[str]) -> str:
    """Return one `Prefer` value: all of `own`, and those of `inherited` that it does not name.

    >>> merge_preferences(["odata.maxpagesize=2"], ["maxpagesize=9, respond-async"])
    'odata.maxpagesize=2, respond-async'
    """
    preferences = _well_formed(own)
    named = {preference.name for preference in preferences}
    preferences += [item for item in _well_formed(inherited) if item.name not in named]
    return ", ".join(preference.written for preference in preferences)
