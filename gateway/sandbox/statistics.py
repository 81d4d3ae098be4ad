"""The aggregates of `POST /analyse/statistics`."""

from collections import Counter

import msgspec

from gateway.sandbox.records import Row


class _Statistics(msgspec.Struct, rename="camel"):
    total: int
    users: int
    contents: int
    certificates_issued: int
    average_progress: float
    states: dict[str, int]
    enrollment_types: dict[str, int]


def encode_statistics(rows: list[Row]) -> bytes:
    """Encode the aggregates of rows; nulls do not count, and the average of no rows is 0."""
    progress = [row.progress for row in rows if row.progress is not None]
    statistics = _Statistics(
        total=len(rows),
        users=len({row.user.id for row in rows} - {None}),
        contents=len({row.content.id for row in rows} - {None}),
        certificates_issued=sum(row.certificate_issued_at is not None for row in rows),
        average_progress=sum(progress) / len(progress) if progress else 0.0,
        states=_counts([row.state for row in rows]),
        enrollment_types=_counts([row.enrollment_type for row in rows]),
    )
    return msgspec.json.encode(statistics)


def _counts(values: list[str | None]) -> dict[str, int]:
    """Count each value that occurs, in alphabetical order."""
    counts = Counter(value for value in values if value is not None)
    return dict(sorted(counts.items()))
