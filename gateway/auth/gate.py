"""The gate: the ways in, asked one after the other, and what is told to who comes by none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakValueDictionary

import anyio

from gateway.auth.credentials import Credential, CredentialKind, credential_of
from gateway.auth.hosts import HostGate
from gateway.auth.principal import ClientRequest, Principal
from gateway.auth.throttle import Throttle, network_of
from gateway.errors import TooManyAttempts, Unauthorized

_ASKED_AT_ONCE = 4
"""Calls for one address, so that no more wrong ones than these go out before they are counted."""
BASIC = 'Basic realm="Skillhabit OData", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class CredentialRefusal:
    """Why a credential opens nothing.

    `genuine` is one that was good once: no guess, and never throttled, since its owner must learn
    to renew it. `subject` is the key that a guess was for, if it named one.
    """

    reason: str
    genuine: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A credential that only a call to somebody else can judge; `ask` makes it, which costs."""

    ask: Callable[[], Awaitable[Principal | CredentialRefusal]] = field(
        repr=False
    )  # holds the credential


class SignInMethod(Protocol):
    """One way in. `guessable` tells that its secret may be one that a person chose."""

    @property
    def challenge(self) -> str:
        """What to answer who comes without, for WWW-Authenticate."""

    @property
    def invitation(self) -> str:
        """What to do, for people."""

    @property
    def guessable(self) -> bool:
        """Whether guesses are to be limited."""

    async def admit(
        self, credential: Credential
    ) -> Principal | CredentialRefusal | Undecided | None:
        """Who it is; None when the credential is not of this kind.

        Raises:
            AccessDenied: who it is, is known, and may not.
            SignInUnavailable: this cannot be told now.
        """


@dataclass(frozen=True, slots=True)
class OpenAuthenticator:
    """Lets everyone in who asks by a name that `hosts` knows; None knows every name."""

    hosts: HostGate | None = None

    async def admit(self, asked: ClientRequest) -> Principal:
        """Everybody sees all; credentials do not count, a proxy in front may have asked for them.

        Raises:
            InvalidValue: 400, see `HostGate`.
        """
        if self.hosts is not None:
            self.hosts.check(asked.headers.get("host", ""))
        return Principal()


@dataclass(frozen=True, slots=True)
class CredentialAuthenticator:
    """Lets in whom one of the `ways` knows.

    A right key gets in from an address that is throttled, because behind it may be a company with
    one program that has an old key. Only a key so short that it could be guessed is not compared
    after too many tries, and the Analytics API is not asked about further tokens.
    """

    ways: tuple[SignInMethod, ...]
    throttle: Throttle
    turns: WeakValueDictionary[str, anyio.Semaphore] = field(default_factory=WeakValueDictionary)

    async def admit(self, asked: ClientRequest) -> Principal:
        """Whom the answer is for; raises as `gateway.auth.principal.Gate` says."""
        credential = credential_of(asked)
        if credential is None or not credential.text:
            probe = credential is not None and credential.kind is CredentialKind.BEARER
            raise self._refused("the gateway asks who you are", bearer=probe)
        address = f"address {network_of(asked.peer)}"
        refusal = CredentialRefusal("the key or token is none that opens this gateway")
        for way in self.ways:
            if way.guessable and self.throttle.is_exhausted(address):
                continue
            found = await way.admit(credential)
            if isinstance(found, Undecided):
                found = await self._decided(found, address)
            elif isinstance(found, CredentialRefusal):
                self._count(address, found)
            if isinstance(found, Principal):
                return found
            if found is not None:
                refusal = found
                break
        else:
            self._count(address, refusal)
        raise self._refused(
            refusal.reason, bearer=credential.kind is CredentialKind.BEARER, knows=refusal.genuine
        )

    async def _decided(self, undecided: Undecided, address: str) -> Principal | CredentialRefusal:
        """Asked in turn, and counted before the next one is."""
        async with self.turns.setdefault(address, anyio.Semaphore(_ASKED_AT_ONCE)):
            seconds = self.throttle.wait(address)
            if seconds > 0:
                raise TooManyAttempts(
                    "too many wrong keys or tokens came from this address, so the Analytics API was"
                    " not asked about this one: wait a little, and correct what is stored here",
                    retry_after_seconds=seconds,
                )
            found = await undecided.ask()
            if isinstance(found, CredentialRefusal):
                self._count(address, found)
            return found

    def _count(self, address: str, refusal: CredentialRefusal) -> None:
        if refusal.genuine:
            return
        seconds = self.throttle.fail(filter(None, (address, refusal.subject)))
        if seconds > 0:
            raise TooManyAttempts(
                "too many wrong keys or tokens came from this address, or for this key: correct the"
                " one that is stored here and wait a little; a right one gets in at once",
                retry_after_seconds=seconds,
            )

    def _refused(self, reason: str, *, bearer: bool, knows: bool = False) -> Unauthorized:
        """One challenge a scheme; who comes by Bearer gets that alone, if there is one.

        Who `knows` the way in, because it was open once, is not told it again.
        Power Query reads where to sign in from it, Tableau waits for Basic.
        """
        schemes: dict[str, str] = {}
        for way in self.ways:
            schemes.setdefault(way.challenge.partition(" ")[0], way.challenge)
        challenges = tuple(schemes.values())
        if bearer and "Bearer" in schemes:
            challenges = (schemes["Bearer"],)
        if not knows:
            invitations = dict.fromkeys(way.invitation for way in self.ways)
            reason = f"{reason}: {', or '.join(invitations)}"
        return Unauthorized(reason, challenges=challenges)
