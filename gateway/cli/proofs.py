"""The proofs of commands: those that `init` and `check` make, and those that `explain` shows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.app import clock_and_observer, own_token, read_contract
from gateway.config import STATED, Settings
from gateway.contract.headers import digest_of, resolve_headers
from gateway.contract.model import Contract
from gateway.discovery.findings import Finding
from gateway.discovery.learned import Learned
from gateway.discovery.proofs import proofs_of
from gateway.proofs.store import ProofStore
from gateway.proofs.trust import ANYONE, Trust, owner_of
from gateway.storage import proofs_path


def trust_of(settings: Settings, contract: Contract, owner: str = "") -> Trust:
    """Return what a gateway with these settings would rely on; by default, with any token."""
    owner = owner or owner_of(settings.upstream or contract.base_url, ANYONE)
    is_stated = settings.trust == STATED
    store = ProofStore(proofs_path(settings))
    return Trust(contract, store, lambda: owner, lambda: datetime.now(UTC), stated=is_stated)


def keep_proofs(settings: Settings, findings: Sequence[Finding], learned: Learned) -> None:
    """Keep what `init` or `check` has proved where `serve` will look for it.

    Raises:
        ConfigurationProblem: the contract file or a folder cannot be used.
    """
    contract = read_contract(settings)
    proofs = proofs_of(findings, learned, contract, datetime.now(UTC))
    identity = own_token(settings, *clock_and_observer()).identity()
    headers = digest_of(resolve_headers(contract, os.environ), contract)
    owner = owner_of(settings.upstream or contract.base_url, identity, headers)
    trust_of(settings, contract, owner).record(*proofs)
