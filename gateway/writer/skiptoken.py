"""The opaque `$skiptoken` of a nextLink (Protocol 11.2.6.7): the position of the next page.

It names the snapshot, so that every page comes from the same extract, and is signed together with
the query, so that neither can be changed. An immutable, totally ordered snapshot makes a plain row
number an exact position.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from gateway.errors import InvalidSkipToken

T = TypeVar("T")
_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Position:
    """The next page: `offset` rows into the ordered result, `remaining` rows of $top, if any.

    `moment` is the value of now() on the first page, if something depends on it. `tracks` is true
    if the last page has a deltaLink. `early` is true if the first page was sent before all rows
    were loaded; later pages keep its order.
    """

    snapshot: str
    offset: int
    remaining: int | None
    moment: datetime | None = None
    tracks: bool = False
    early: bool = False


class _Fields(msgspec.Struct, array_like=True, frozen=True):
    snapshot: str
    offset: int
    remaining: int | None
    moment: datetime | None
    tracks: bool = False
    early: bool = False


class TokenSigner:
    """A signer and verifier of tokens; all processes that share snapshots share its secret `key`.

    Tokens of one `realm` are invalid in another.
    """

    def __init__(self, key: bytes, realm: str = "") -> None:
        self._keys = [key]
        self._realm = realm

    def __repr__(self) -> str:
        """Return a text without the key."""
        return "TokenSigner()"

    def agree_on(self, key: bytes) -> None:
        """Sign with this key from now on; tokens signed before stay valid."""
        if key != self._keys[0]:
            self._keys.insert(0, key)

    def of_realm(self, realm: str) -> TokenSigner:
        """Return a signer with the same keys, including those agreed on later."""
        other = TokenSigner(self._keys[0], realm)
        other._keys = self._keys
        return other

    def sign(self, position: Position, query: str) -> str:
        """Return a token for `position` in the result of `query`, given as its canonical text."""
        fields = _Fields(*(getattr(position, name) for name in _Fields.__struct_fields__))
        return self.seal(fields, query)

    def verify(self, token: str, query: str) -> Position:
        """Return the position in a token.

        Raises:
            InvalidSkipToken: this service did not issue it, or the query was changed.
        """
        fields = self.unseal(token, query, _Fields)
        if fields is None:
            raise InvalidSkipToken(
                "$skiptoken: this link was not issued by this service, or its options were changed;"
                " follow @odata.nextLink exactly as received, or start over at the first page",
                target="$skiptoken",
            )
        return Position(*(getattr(fields, name) for name in _Fields.__struct_fields__))

    def seal(self, fields: object, query: str) -> str:
        """Return a signed text that cannot be changed or used for another query."""
        body = msgspec.msgpack.encode(fields)
        return _encode(body + _signature(self._keys[0], body, self._realm + query))

    def unseal(self, token: str, query: str, kind: type[T]) -> T | None:
        """Return the content of a sealed text; None if it was not sealed for this query."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            body = raw[:-_SIGNATURE_BYTES]
            if any(self._is_signed(token, body, key, self._realm + query) for key in self._keys):
                return msgspec.msgpack.decode(body, type=kind)
        except (Base64Error, UnicodeEncodeError, msgspec.MsgspecError):
            pass
        return None

    @staticmethod
    def _is_signed(token: str, body: bytes, key: bytes, query: str) -> bool:
        expected = _encode(body + _signature(key, body, query))
        return hmac.compare_digest(expected.encode(), token.encode())


def _signature(key: bytes, body: bytes, query: str) -> bytes:
    digest = hmac.digest(key, query.encode() + b"\0" + body, hashlib.sha256)
    return digest[:_SIGNATURE_BYTES]


def _encode(raw: bytes) -> str:
    """Return the canonical text of these bytes; decoding alone would ignore invalid characters."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
