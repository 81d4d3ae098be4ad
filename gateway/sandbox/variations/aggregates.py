"""Statistics of a variation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import msgspec

from gateway.sandbox.records import Row
from gateway.sandbox.statistics import encode_statistics
from gateway.sandbox.variations.members import put
from gateway.sandbox.variations.words import WordStyle, to_word


@dataclass(frozen=True, slots=True)
class StatisticsForm:
    """The form of an API's statistics.

    Attributes:
        present: True if the endpoint exists.
        path: the endpoint, below the prefix.
        names: `own` are the names assumed by this project, `other` are others.
        inside: the path of the object with all numbers, or "".
        shape: the type of counts by state: an object, or a list of `{key, count}`.
        counts: `right`, `finished` leaves out rows that are not started, `people` counts users.
        filters: `ignored` counts all rows, whatever the request says.
    """

    present: bool = True
    path: str = "/analyse/statistics"
    names: Literal["own", "other"] = "own"
    inside: str = ""
    shape: Literal["object", "list"] = "object"
    counts: Literal["right", "finished", "people"] = "right"
    filters: Literal["applied", "ignored"] = "applied"


_OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "total": "count",
        "users": "participants",
        "contents": "courses",
        "certificatesIssued": "certificates",
        "averageProgress": "avgProgress",
        "states": "byStatus",
        "enrollmentTypes": "byEnrollment",
    }
)


def render_statistics(rows: list[Row], form: StatisticsForm, words: WordStyle) -> object:
    """Return the aggregates of rows in this form."""
    counted = [row for row in rows if form.counts != "finished" or row.state != "NOT_STARTED"]
    numbers = msgspec.json.decode(encode_statistics(counted), type=dict[str, object])
    if form.counts == "people":
        numbers["total"] = numbers["users"]
    for name in ("states", "enrollmentTypes"):
        counts = msgspec.convert(numbers[name], dict[str, int])
        numbers[name] = _counts({to_word(key, words): n for key, n in counts.items()}, form)
    if form.names == "other":
        numbers = {_OTHER_NAMES[name]: value for name, value in numbers.items()}
    if not form.inside:
        return numbers
    body: dict[str, object] = {}
    put(body, form.inside, numbers)
    return body


def _counts(counts: dict[str, int], form: StatisticsForm) -> object:
    if form.shape == "object":
        return counts
    return [{"key": key, "count": count} for key, count in counts.items()]
