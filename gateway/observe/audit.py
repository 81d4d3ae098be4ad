"""The audit log: a line for each read of personal columns, with who, which and how many.

Lines hold no values of rows or queries. They are written whatever `--log-level` says: who lowers
the log's volume shall not lose them.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.observe.record import PersonalRead, RequestRecord

AUDIT = "gateway.audit"
EVENT = "personal_read"
_LEFT = 499
_TEXTS = ("workspace", "role", "key", "tag", "method")


def personal_reads(record: RequestRecord) -> Iterator[dict[str, str | int]]:
    """Yield the facts of each read of a request whose response was sent, in full or in part."""
    if 200 <= record.status < 300 or record.status == _LEFT:
        for read in record.reads:
            yield _facts(record, read)


def _facts(record: RequestRecord, read: PersonalRead) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"request_id": record.id}
    if record.part:
        facts["part"] = record.part
    facts |= {name: text for name in _TEXTS if (text := getattr(record, name))}
    facts["resource"] = read.resource
    facts["columns"] = ",".join(read.columns)
    if read.filters:
        facts["filter"] = ",".join(read.filters)
    facts["rows"] = (record.rows or 0) if read.rows is None else read.rows
    facts["status"] = record.status
    return facts
