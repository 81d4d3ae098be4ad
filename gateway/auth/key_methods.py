"""Sign-in with a key: one of the gateway's own keys, or the key that all callers share."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TypeVar

from gateway.auth.authenticator import BASIC, CredentialRefusal
from gateway.auth.credentials import Credential
from gateway.auth.identity import digest
from gateway.auth.keys import Key, KeyStatus, id_of
from gateway.auth.principal import SHARED, Principal
from gateway.auth.watched_file import Unreadable, WatchedFile
from gateway.errors import SignInUnavailable
from gateway.observe import Clock

T = TypeVar("T")
MIN_SAFE_CHARACTERS = 16
"""Length from which a shared key cannot be guessed, from however many addresses."""

INVITATION = (
    "send the gateway's access key (in Excel and Power BI choose Basic, in Tableau user name and"
    " password; enter any user name, and the key as the password)"
)


@dataclass(frozen=True, slots=True)
class GatewayKeys:
    """Accepts the keys in the file that `skillhabit-odata keys` writes."""

    file: WatchedFile[dict[str, Key]]
    clock: Clock
    challenge: str = BASIC
    invitation: str = INVITATION
    guessable: bool = False

    async def admit(self, credential: Credential) -> Principal | CredentialRefusal | None:
        """Look the key up by its id, then compare it; see `SignInMethod`."""
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
        status = key.status(self.clock.now())
        if status is not KeyStatus.GOOD:
            what = "was revoked" if status is KeyStatus.REVOKED else "has expired"
            return CredentialRefusal(
                f"the key {key.id} {what}; ask the gateway's owner for another", genuine=True
            )
        return Principal(key.workspace, key.role, f"key:{key.id}", allowance=key.allowance)


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The digest of the shared key; `is_short` is True if the key could be guessed."""

    digest: str
    is_short: bool


@dataclass(frozen=True, slots=True)
class SharedKey:
    """Accepts the key of `access_key_file`, which gives access to everything."""

    file: WatchedFile[SharedSecret]
    challenge: str = BASIC
    invitation: str = INVITATION

    @property
    def guessable(self) -> bool:
        """True while the key is short; a long key is compared after any number of wrong ones."""
        try:
            return self.file.current().is_short
        except Unreadable:
            return True

    async def admit(self, credential: Credential) -> Principal | CredentialRefusal | None:
        """Compare digests, which all have one length; see `SignInMethod`."""
        expected = _content(self.file).digest
        for text in filter(None, (credential.text, credential.user)):
            if hmac.compare_digest(digest(text), expected):
                return Principal(id=SHARED)
        return None


def read_shared_key(content: bytes) -> SharedSecret:
    """Return the digest of the key in the file, without whitespace around it.

    Raises:
        ValueError: the file contains no key.
    """
    try:
        key = content.decode().strip()
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    if not key:
        raise ValueError("is empty")
    return SharedSecret(digest(key), len(key) < MIN_SAFE_CHARACTERS)


def _content(file: WatchedFile[T]) -> T:
    try:
        return file.current()
    except Unreadable as problem:
        raise SignInUnavailable(
            "keys cannot be checked now, because the gateway cannot read its key file; its log has"
            " the reason"
        ) from problem
