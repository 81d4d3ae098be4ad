"""The ways in by a key: one of the gateway's own, or the one that all share."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TypeVar

from gateway.auth.credentials import Credential
from gateway.auth.gate import BASIC, CredentialRefusal
from gateway.auth.keys import Key, Standing, digest, id_of
from gateway.auth.principal import SHARED, Principal
from gateway.auth.watched import Unreadable, WatchedFile
from gateway.errors import SignInUnavailable
from gateway.observe import Clock

T = TypeVar("T")
LONG_ENOUGH = 16
"""Characters of a shared key that nobody finds by trying, from however many addresses."""

INVITATION = (
    "give the gateway's access key (in Excel and Power BI choose Basic, in Tableau user name and"
    " password; write any user name, and the key as password)"
)


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """Keys of the file that `skillhabit-odata keys` writes; whose they are stands there."""

    file: WatchedFile[dict[str, Key]]
    clock: Clock
    challenge: str = BASIC
    invitation: str = INVITATION
    guessable: bool = False

    async def admit(self, credential: Credential) -> Principal | CredentialRefusal | None:
        """Found by its id, then compared; see `gateway.auth.gate.Way`."""
        texts = (credential.text, credential.user)
        text = next((t for t in texts if id_of(t) is not None), "")
        key_id = id_of(text)
        if key_id is None:
            return None
        key = _content(self.file).get(key_id)
        if key is None:
            return CredentialRefusal("the gateway has no such key")
        if not key.matches(text):
            return CredentialRefusal("the gateway has no such key", subject=f"key {key.id}")
        standing = key.standing(self.clock.now())
        if standing is not Standing.GOOD:
            what = "was revoked" if standing is Standing.REVOKED else "has expired"
            return CredentialRefusal(
                f"the key {key.id} {what}, ask the gateway's owner for another", genuine=True
            )
        return Principal(key.workspace, key.role, f"key:{key.id}", allowance=key.allowance)


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The digest of the shared key; `is_short` is true if it could be guessed by trying."""

    digest: str
    is_short: bool


@dataclass(frozen=True, slots=True)
class SharedKey:
    """The one key of `access_key_file`, which opens everything."""

    file: WatchedFile[SharedSecret]
    challenge: str = BASIC
    invitation: str = INVITATION

    @property
    def guessable(self) -> bool:
        """True while the key is short; a long one is compared after any number of wrong ones."""
        try:
            return self.file.current().is_short
        except Unreadable:
            return True

    async def admit(self, credential: Credential) -> Principal | CredentialRefusal | None:
        """Compared as digests, whose length tells nothing; see `gateway.auth.gate.Way`."""
        expected = _content(self.file).digest
        for text in filter(None, (credential.text, credential.user)):
            if hmac.compare_digest(digest(text), expected):
                return Principal(id=SHARED)
        return None


def read_shared_key(content: bytes) -> SharedSecret:
    """Return the digest of the key in the file, without blanks around it.

    Raises:
        ValueError: there is none.
    """
    try:
        key = content.decode().strip()
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    if not key:
        raise ValueError("is empty")
    return SharedSecret(digest(key), len(key) < LONG_ENOUGH)


def _content(file: WatchedFile[T]) -> T:
    try:
        return file.current()
    except Unreadable as problem:
        raise SignInUnavailable(
            "keys cannot be checked now, because the gateway cannot read its file of them; its"
            " owner finds more in its log"
        ) from problem
