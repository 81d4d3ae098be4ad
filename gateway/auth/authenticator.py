"""Authenticators: try the sign-in methods in order, and refuse callers that none admits."""

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

_MAX_CHECKS_PER_ADDRESS = 4
"""Concurrent calls: no more wrong tokens than these are sent out before they are counted."""
BASIC = 'Basic realm="Skillhabit OData", charset="UTF-8"'


@dataclass(frozen=True, slots=True)
class CredentialRefusal:
    """The reason why a credential is refused.

    `genuine` is True if the credential was valid once. It is no guess and never throttled, so that
    its owner learns to renew it. `subject` is the key that a guess was for, if it named one.
    """

    reason: str
    genuine: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class PendingCheck:
    """A credential that only the upstream can judge; `run` makes the call, which costs."""

    run: Callable[[], Awaitable[Principal | CredentialRefusal]] = field(
        repr=False
    )  # holds the credential


class SignInMethod(Protocol):
    """One kind of credential and its check."""

    @property
    def challenge(self) -> str:
        """The value of WWW-Authenticate for requests without a credential."""

    @property
    def invitation(self) -> str:
        """Instructions for people."""

    @property
    def guessable(self) -> bool:
        """True if guesses must be limited: a person may have chosen the secret."""

    async def admit(
        self, credential: Credential
    ) -> Principal | CredentialRefusal | PendingCheck | None:
        """Return the caller; None if the credential is not of this kind.

        Raises:
            AccessDenied: the caller is known and has no access.
            SignInUnavailable: the credential cannot be checked now.
        """


@dataclass(frozen=True, slots=True)
class OpenAuthenticator:
    """Admits every caller that uses a host name that `hosts` accepts; None accepts every name."""

    hosts: HostGate | None = None

    async def admit(self, request: ClientRequest) -> Principal:
        """Return a caller that sees everything; ignore credentials, which may be for a proxy.

        Raises:
            InvalidValue: 400, see `HostGate`.
        """
        if self.hosts is not None:
            self.hosts.check(request.headers.get("host", ""))
        return Principal()


@dataclass(frozen=True, slots=True)
class CredentialAuthenticator:
    """Admits callers that one of the `methods` recognizes.

    A right key is admitted from a throttled address too: a company may be behind it, with one
    program that has an old key. After too many attempts, only short keys, which could be guessed,
    are not compared any longer, and no further token is sent to the Analytics API.
    """

    methods: tuple[SignInMethod, ...]
    throttle: Throttle
    checks: WeakValueDictionary[str, anyio.Semaphore] = field(default_factory=WeakValueDictionary)

    async def admit(self, request: ClientRequest) -> Principal:
        """Return the caller; raises as `gateway.auth.principal.Authenticator` says."""
        credential = credential_of(request)
        if credential is None or not credential.text:
            is_probe = credential is not None and credential.kind is CredentialKind.BEARER
            raise self._unauthorized("this gateway requires you to sign in", bearer=is_probe)
        address = f"address {network_of(request.peer)}"
        refusal = CredentialRefusal("the key or token is not valid here")
        for method in self.methods:
            if method.guessable and self.throttle.is_exhausted(address):
                continue
            found = await method.admit(credential)
            if isinstance(found, PendingCheck):
                found = await self._run_check(found, address)
            elif isinstance(found, CredentialRefusal):
                self._count(address, found)
            if isinstance(found, Principal):
                return found
            if found is not None:
                refusal = found
                break
        else:
            self._count(address, refusal)
        raise self._unauthorized(
            refusal.reason,
            bearer=credential.kind is CredentialKind.BEARER,
            invite=not refusal.genuine,
        )

    async def _run_check(self, check: PendingCheck, address: str) -> Principal | CredentialRefusal:
        """Run a check within the address's limit, and count a refusal before the next check."""
        async with self.checks.setdefault(address, anyio.Semaphore(_MAX_CHECKS_PER_ADDRESS)):
            seconds = self.throttle.wait(address)
            if seconds > 0:
                raise TooManyAttempts(
                    "too many wrong keys or tokens came from this address, so the gateway did not"
                    " check this one with the Analytics API: correct the stored key or token",
                    retry_after_seconds=seconds,
                )
            found = await check.run()
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
                " stored key or token; a right one is accepted at once",
                retry_after_seconds=seconds,
            )

    def _unauthorized(self, reason: str, *, bearer: bool, invite: bool = True) -> Unauthorized:
        """Return a 401 with one challenge per scheme; only Bearer's for Bearer, if there is one.

        Power Query reads from Bearer's challenge where to sign in; Tableau waits for Basic.
        `invite` adds instructions to the reason.
        """
        schemes: dict[str, str] = {}
        for method in self.methods:
            schemes.setdefault(method.challenge.partition(" ")[0], method.challenge)
        challenges = tuple(schemes.values())
        if bearer and "Bearer" in schemes:
            challenges = (schemes["Bearer"],)
        if invite:
            invitations = dict.fromkeys(method.invitation for method in self.methods)
            reason = f"{reason}: {', or '.join(invitations)}"
        return Unauthorized(reason, challenges=challenges)
