"""Which abilities queries may rely on now: those with a proof that is recent and of this contract.

Without a proof, a filter is not sent at all: no filter here restores rows that the Analytics API
has left out. The rows then come from an extract of all rows, which checks its own order and total.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.contract.model import Contract
from gateway.proofs.abilities import Ability, abilities_of, limited
from gateway.proofs.store import Proof, ProofStore

VALID_FOR = timedelta(days=7)
RENEWED_AFTER = timedelta(days=1)
_Proved = Mapping[str, int]


ANYONE = "*"


def owner_of(base_url: str, identity: str, headers: str = "") -> str:
    """Return the owner of proofs: an API, as the owner of a token sees it.

    `identity` is ANYONE for the proofs that were made with any token, and any `headers`.
    """
    api = hashlib.sha256(base_url.encode()).hexdigest()[:16]
    return f"{api}/{ANYONE}" if identity == ANYONE else f"{api}/{headers}{identity}"


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of one ability; `proof` is None if there is none of this contract."""

    ability: Ability
    proof: Proof | None
    is_proved: bool


class Trust:
    """The proved abilities of one workspace.

    `owner` is asked each time, because a token may be renewed for another person. With `stated`,
    every ability that the contract states counts as proved.
    """

    def __init__(
        self,
        contract: Contract,
        store: ProofStore,
        owner: Callable[[], str],
        now: Callable[[], datetime],
        *,
        stated: bool = False,
    ) -> None:
        self._abilities = abilities_of(contract)
        self._store = store
        self._owner = owner
        self._now = now
        self._stated = stated
        self._last: tuple[object, _Proved] = (None, MappingProxyType({}))

    @property
    def everything(self) -> bool:
        """True if every ability that the contract states counts as proved."""
        return self._stated

    @property
    def has_findings(self) -> bool:
        """True if anything was proved or contradicted."""
        return any(standing.proof is not None for standing in self.standings())

    def proved(self) -> _Proved | None:
        """Return the proved abilities, with the longest list of values of each; None for all.

        It is the same object until something changes.
        """
        if self._stated:
            return None
        version, owner = self._store.refresh(), self._owner()
        when = self._now().replace(minute=0, second=0, microsecond=0)
        if self._last[0] != (version, owner, when):
            found = {s.ability.name: s.proof.values for s in self.standings()
                     if s.is_proved and s.proof is not None}  # fmt: skip
            self._last = (version, owner, when), MappingProxyType(found)
        return self._last[1]

    def usable(self, contract: Contract) -> Contract:
        """Return a contract, or a role's part of it, with the proved abilities alone."""
        proved = self.proved()
        return contract if proved is None else limited(contract, proved)

    def standings(self) -> tuple[Standing, ...]:
        """Return what is known of each ability."""
        proofs, now = self._store.of(self._owner()), self._now()
        return tuple(_standing(a, proofs.get(a.name), now) for a in self._abilities)

    def contradicted(self) -> frozenset[str]:
        """Return the names of the abilities that a response has contradicted."""
        if self._stated:
            return frozenset()
        found = (s for s in self.standings() if s.proof is not None and not s.proof.holds)
        return frozenset(standing.ability.name for standing in found)

    def due(self) -> tuple[Ability, ...]:
        """Return the abilities that have no proof, or one that should be renewed."""
        now = self._now()
        return tuple(
            standing.ability
            for standing in self.standings()
            if standing.proof is None
            or not standing.is_proved
            or now - standing.proof.at > RENEWED_AFTER
        )

    def record(self, *proofs: Proof) -> None:
        """Keep findings, unless they would be those of a caller's own token."""
        owner = self._owner()
        if not owner.endswith(ANYONE):
            self._store.record(owner, proofs)

    def withdraw(self, names: tuple[str, ...], evidence: str) -> tuple[str, ...]:
        """Withdraw the proofs of abilities that a response has contradicted; return their names."""
        if self._owner().endswith(ANYONE):
            return ()
        proved, now = self.proved() or {}, self._now()
        lost = [a for a in self._abilities if a.name in names and a.name in proved]
        self.record(*(Proof(a.name, a.digest, False, now, 0, evidence) for a in lost))
        return tuple(ability.name for ability in lost)


def _standing(ability: Ability, proof: Proof | None, now: datetime) -> Standing:
    if proof is None or proof.digest != ability.digest:
        return Standing(ability, None, is_proved=False)
    return Standing(ability, proof, is_proved=proof.holds and now - proof.at < VALID_FOR)
