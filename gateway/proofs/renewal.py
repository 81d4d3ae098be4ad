"""Proofs that are made and renewed while the gateway serves: after each extract of all rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from gateway.contract.model import Contract
from gateway.errors import GatewayError
from gateway.observe import Observer
from gateway.planner.pushdown import Pushdown
from gateway.proofs.abilities import Ability
from gateway.proofs.kept_rows import KeptRows
from gateway.proofs.prove import Api, Prover
from gateway.proofs.selections import Threads
from gateway.proofs.store import Proof
from gateway.proofs.trust import Trust
from gateway.snapshots.cache import Snapshot, SnapshotCache
from gateway.snapshots.facts import SnapshotKey
from gateway.snapshots.freshness import Verdict

_LOOK_SECONDS = 2.0
_SECONDS_BETWEEN_CALLS = 2.0
_SECONDS_BEFORE_RETRY = 3_600.0
"""The time after which abilities are tried again that were contradicted or not proved."""


class Renewal:
    """Proves what is due, as soon as a fresh snapshot of all rows is there.

    `lock` is a file that one process at a time locks; None if there is only one.
    """

    def __init__(
        self,
        trust: Trust,
        contract: Contract,
        api: Api,
        cache: SnapshotCache,
        threads: Threads,
        scope: Callable[[], str],
        lock: Path | None,
    ) -> None:
        self._trust = trust
        self._contract = contract
        self._api = api
        self._cache = cache
        self._threads = threads
        self._scope = scope
        self._lock = lock
        self._last = ""
        self._tried: dict[str, float] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        if self._trust.everything:
            return
        while True:
            await anyio.sleep(_LOOK_SECONDS)
            try:
                await self.prove_due(_SECONDS_BETWEEN_CALLS)
            except GatewayError as error:
                self._observer.warn(f"what the Analytics API can do was not proved: {error.code}")
            except Exception as error:
                self._observer.fault("what the Analytics API can do could not be proved", error)

    async def prove_due(self, pause_seconds: float = 0.0) -> tuple[Proof, ...]:
        """Prove what is due with the rows of a fresh snapshot; do nothing without one.

        Raises:
            GatewayError: the Analytics API cannot be reached, or refuses the token.
        """
        choice = self._cache.choice(SnapshotKey(self._scope(), Pushdown()))
        table, due = choice.table, self._due()
        if table is None or choice.verdict is not Verdict.FRESH or table.id == self._last:
            return ()
        if table.key.pushdown.terms or not due:
            return ()
        lock = None if self._lock is None else FileLock(self._lock, timeout=0)
        with suppress(Timeout):
            if lock is not None:
                lock.acquire()
            try:
                async with self._cache.pinned(self._scope(), table.id) as snapshot:
                    if snapshot is None:
                        return ()
                    self._last = table.id
                    return await self._prove(snapshot, due, pause_seconds)
            finally:
                if lock is not None:
                    lock.release()
        return ()

    def _due(self) -> tuple[Ability, ...]:
        now = self._cache.tools.clock.monotonic()
        late = now - _SECONDS_BEFORE_RETRY
        return tuple(a for a in self._trust.due() if self._tried.get(a.name, late) <= late)

    async def _prove(
        self, snapshot: Snapshot, due: tuple[Ability, ...], pause_seconds: float
    ) -> tuple[Proof, ...]:
        tools = self._cache.tools
        rows = KeptRows(tools.store.cursor, snapshot.table_name, self._contract)

        async def pause() -> None:
            await anyio.sleep(pause_seconds)

        prover = Prover(self._api, self._contract, rows, self._threads, tools.clock.now, pause)
        proofs = await prover.prove(due)
        self._tried |= dict.fromkeys((ability.name for ability in due), tools.clock.monotonic())
        self._trust.record(*proofs)
        self._report(proofs)
        return proofs

    def _report(self, proofs: tuple[Proof, ...]) -> None:
        proved = ", ".join(proof.ability for proof in proofs if proof.holds)
        if proved:
            self._observer.info(f"proved, so queries use it: {proved}")
        causes: dict[str, list[str]] = {}
        for proof in proofs:
            if not proof.holds:
                causes.setdefault(proof.evidence, []).append(proof.ability)
        for evidence, names in causes.items():
            self._observer.warn(
                f"not used, because the Analytics API does not do what the contract file states:"
                f" {', '.join(names)} ({evidence})"
            )

    @property
    def _observer(self) -> Observer:
        return self._cache.tools.observer
