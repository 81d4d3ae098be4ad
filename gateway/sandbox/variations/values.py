"""A row's own values: state, enrollment type, progress and instants."""

from dataclasses import dataclass
from typing import Literal

from gateway.sandbox.instants import to_nanoseconds
from gateway.sandbox.variations.moments import InstantFormat, Zone, render_instant
from gateway.sandbox.variations.words import WordStyle, to_word

INSTANTS = ("startedAt", "completedAt", "updatedAt", "expiryDate", "certificateIssuedAt")


@dataclass(frozen=True, slots=True)
class ValueForm:
    """The form of a row's own values.

    Attributes:
        words: the style of states and enrollment types.
        progress: percent as a number, 0 to 1, text with two decimals, with a comma or with a
            percent sign, or an object.
        instants: the format of all instants.
        expiry_date: the format of the expiry date, where it differs.
        zone: the zone of formats that are not in UTC.
    """

    words: WordStyle = "upper"
    progress: Literal["percent", "fraction", "text", "comma", "sign", "object"] = "percent"
    instants: InstantFormat | None = None
    expiry_date: InstantFormat | None = None
    zone: Zone = "UTC"


def render_values(members: dict[str, object], form: ValueForm) -> dict[str, object]:
    """Return all of a row's own members, written in this form; unknown ones unchanged."""
    rendered = dict(members)
    for name in ("state", "enrollmentType"):
        if isinstance(word := members.get(name), str):
            rendered[name] = to_word(word, form.words)
    progress = members.get("progress")
    if isinstance(progress, int | float):
        rendered["progress"] = _progress(progress, form)
    for name in INSTANTS:
        rendered |= _instant(name, members.get(name), form)
    return rendered


def _instant(name: str, text: object, form: ValueForm) -> dict[str, object]:
    chosen = (form.expiry_date if name == "expiryDate" else None) or form.instants
    if chosen is None or not isinstance(text, str):
        return {}
    return {name: render_instant(to_nanoseconds(text), chosen, form.zone)}


def _progress(percent: float, form: ValueForm) -> object:
    match form.progress:
        case "fraction":
            return round(percent / 100, 6)
        case "text":
            return f"{percent:.2f}"
        case "comma":
            return f"{percent:.2f}".replace(".", ",")
        case "sign":
            return f"{percent:g} %"
        case "object":
            return {"percentage": percent, "unit": "percent"}
        case _:
            return percent
