"""The cost of each caller: time, bytes and calls to the Analytics API, of a list of requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.observe.record import RequestRecord

_FIRST_ERROR_STATUS = 400


@dataclass(frozen=True, slots=True)
class CallerCost:
    """The sums of one caller; a `$batch` is one request, and its parts may fail separately.

    `upstream_calls` includes the calls of the extracts that the caller's requests started, also of
    those that still run: others get their rows from the snapshot without a call.
    """

    key: str
    role: str | None = None
    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    bytes: int = 0
    upstream_calls: int = 0

    def plus(self, record: RequestRecord) -> CallerCost:
        """Return the sums with one more request; the time and bytes of a part are the batch's."""
        is_whole = record.part == 0
        return replace(
            self,
            requests=self.requests + is_whole,
            errors=self.errors + (record.status >= _FIRST_ERROR_STATUS),
            seconds=self.seconds + (record.seconds if is_whole else 0.0),
            bytes=self.bytes + (record.bytes if is_whole else 0),
            upstream_calls=self.upstream_calls + record.calls,
        )


def costs_by_caller(records: Iterable[RequestRecord]) -> tuple[CallerCost, ...]:
    """Return the cost of each key and role, the one with the most time first."""
    found: dict[tuple[str, str | None], CallerCost] = {}
    for record in records:
        caller = (record.key, record.role)
        found[caller] = found.get(caller, CallerCost(*caller)).plus(record)
    return tuple(sorted(found.values(), key=lambda cost: cost.seconds, reverse=True))
