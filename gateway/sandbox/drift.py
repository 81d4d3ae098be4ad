"""Rows that change while a client pages over them: touched, inserted, deleted.

A changed row's `updatedAt` is the time of the sandbox's clock, cut to milliseconds. The seed
determines the rows and the changes, so that a run can be repeated.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import assert_never

from gateway.sandbox.draws import Draw
from gateway.sandbox.faults import Faults, Mutation
from gateway.sandbox.instants import Clock, to_instant, to_text
from gateway.sandbox.records import Row, build_row, build_user, own_members
from gateway.sandbox.store import Store

_NEWCOMER: Mapping[str, object] = MappingProxyType(
    {"id": "", "name": "", "email": None, "avatar": None, "groups": [], "customFields": []}
)
_NOT_STARTED: Mapping[str, object] = MappingProxyType(
    {
        "enrollmentType": "OPTIONAL",
        "state": "NOT_STARTED",
        "progress": 0,
        "startedAt": None,
        "completedAt": None,
        "updatedAt": None,
        "expiryDate": None,
        "certificateIssuedAt": None,
    }
)


class Drift:
    """Changes to a store: on demand, or after every n-th page as the switches set it."""

    def __init__(self, store: Store, faults: Faults, clock: Clock) -> None:
        self._store = store
        self._faults = faults
        self._clock = clock
        self._pages = 0
        self._reseed()

    def after_page(self) -> None:
        """Count a served page, and change rows after every `drift_every` pages."""
        if not self._faults.drift_every:
            return
        self._pages += 1
        if self._seed != self._faults.drift_seed:
            self._reseed()
        if self._pages % self._faults.drift_every == 0:
            for _ in range(self._faults.drift_changes):
                self.mutate(self._draw.pick(self._faults.drift_kinds))

    def mutate(self, kind: Mutation) -> None:
        """Change one row, unless the store is empty."""
        if not self._store.rows:
            return
        row = self._draw.pick(self._store.rows)
        match kind:
            case "touch":
                self._store.change(row, self._touched(row))
            case "insert":
                self._store.change(None, self._newcomer(row))
            case "delete":
                self._store.change(row, None)
            case _:
                assert_never(kind)

    def _reseed(self) -> None:
        self._seed = self._faults.drift_seed
        self._draw = Draw(self._seed)

    def _now(self) -> str:
        return to_text(to_instant(self._clock()))

    def _touched(self, row: Row) -> Row:
        """Return the row after its user made progress in the content or finished it."""
        members, now = own_members(row), self._now()
        finished = self._draw.chance(0.5)
        members |= {
            "state": "APPROVED" if finished else "IN_PROGRESS",
            "progress": 100 if finished else self._draw.below(99) + 1,
            "startedAt": members.get("startedAt") or now,
            "completedAt": now if finished else None,
            "updatedAt": now,
            "certificateIssuedAt": now if finished else None,
        }
        return build_row(row.sequence, members, row.content, row.user)

    def _newcomer(self, row: Row) -> Row:
        """Return the first result of a new user in the row's content."""
        sequence = self._store.next_sequence()
        user_id = f"usr-drift-{sequence}"
        user = build_user({**_NEWCOMER, "id": user_id, "name": f"Newcomer {sequence}"})
        row_id = f"{user_id}_{row.content.id}"
        members = {"id": row_id, **_NOT_STARTED, "updatedAt": self._now()}
        return build_row(sequence, members, row.content, user)
