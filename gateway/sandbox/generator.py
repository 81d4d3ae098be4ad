"""Any number of generated results: the same bytes for a seed on every machine.

About every fifteenth row has a new user; a user has at most one result per content. Rows are built
directly from instants, not by `build_row`, so that a million of them take only seconds.
"""

from math import isqrt
from typing import Any

import msgspec

from gateway.sandbox.dataset import Dataset
from gateway.sandbox.directory import awkward_id, build_contents, build_users
from gateway.sandbox.draws import Draw
from gateway.sandbox.histories import History, build_history, build_ties
from gateway.sandbox.instants import NANOSECONDS_PER_MICROSECOND, to_text
from gateway.sandbox.records import Content, Row, User

_ROWS_PER_USER = 15
_MIN_CONTENTS = 2 * _ROWS_PER_USER
"""With fewer, a user of a small dataset would get two results of one content."""


class _Members(msgspec.Struct, rename="camel", gc=False):
    """A row's own members in the order of the JSON."""

    id: str
    enrollment_type: str
    state: str
    progress: float
    started_at: str | None
    completed_at: str | None
    updated_at: str
    expiry_date: str | None
    certificate_issued_at: str | None


def generate(rows: int, seed: int = 7) -> Dataset:
    """Generate a dataset with this number of rows."""
    draw = Draw(seed)
    users = build_users(max(1, rows // _ROWS_PER_USER), draw)
    contents = build_contents(max(_MIN_CONTENTS, isqrt(rows)), draw)
    ties = build_ties(rows, draw)
    first_contents = [draw.below(len(contents)) for _ in users]
    generated: list[Row] = []
    for sequence in range(rows):
        turn, number = divmod(sequence, len(users))
        content = contents[(first_contents[number] + turn) % len(contents)]
        row_id = _row_id(users[number], content, draw)
        history = build_history(ties, draw)
        generated.append(make_row(sequence, row_id, users[number], content, history))
    return Dataset(tuple(generated))


def _row_id(user: User, content: Content, draw: Draw) -> str:
    return awkward_id(f"{user.id}_{content.id}", draw)


def make_row(sequence: int, row_id: str, user: User, content: Content, history: History) -> Row:
    """Make a row of a history, whose instants are in microseconds."""
    members = _Members(
        row_id,
        history.enrollment_type,
        history.state,
        history.progress,
        _text(history.started_at),
        _text(history.completed_at),
        to_text(history.updated_at),
        _text(history.expiry_date),
        _text(history.certificate_issued_at),
    )
    text = msgspec.json.encode(members)[:-1]
    return Row(
        sequence=sequence, id=row_id, user=user, content=content, text=text, **_facts(history)
    )


def _facts(history: History) -> dict[str, Any]:
    """The history as a row keeps it: instants in nanoseconds."""
    facts = history._asdict()
    instants = {name: facts[name] for name in facts if name.endswith(("_at", "_date"))}
    return facts | {name: at and at * NANOSECONDS_PER_MICROSECOND for name, at in instants.items()}


def _text(instant: int | None) -> str | None:
    return None if instant is None else to_text(instant)
