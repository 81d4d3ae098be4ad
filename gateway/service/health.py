"""The facts about the health of one workspace, gathered for `gateway.observe.health`."""

from __future__ import annotations

import anyio.to_thread

from gateway.observe.health import ContractFacts, HealthFacts, SnapshotFacts, UpstreamFacts
from gateway.proofs.trust import Trust
from gateway.roles.status import WorkspaceStatus
from gateway.service.dependencies import Dependencies
from gateway.snapshots.load.single_flight import ExtractFailure


async def health_of(
    workspace: Dependencies, status: WorkspaceStatus, failure: ExtractFailure | None
) -> HealthFacts:
    """Return the current facts; `failure` is that of the last extract, None if it succeeded."""
    now, newest, around = workspace.clock.now(), status.newest, workspace.surroundings
    stored = sum(table.bytes for table in workspace.cache.tables)
    return HealthFacts(
        now.timestamp(),
        await anyio.to_thread.run_sync(around.token),
        UpstreamFacts(
            workspace.client.is_down,
            None if failure is None else (now - failure.at, failure.error.code),
            around.call_seconds(),
        ),
        await around.disk(stored),
        _contract(workspace.trust),
        None if newest is None else SnapshotFacts(now - newest.taken_at, around.refresh_due),
    )


def _contract(trust: Trust) -> ContractFacts:
    """Return the abilities that are not used, because no recent proof shows them."""
    if trust.everything:
        return ContractFacts()
    contradicted = trust.contradicted()
    unproved = (each.ability.name for each in trust.standings() if not each.is_proved)
    return ContractFacts(
        tuple(name for name in unproved if name not in contradicted), tuple(sorted(contradicted))
    )
