"""Bearer tokens: JSON Web Tokens signed with HMAC-SHA256 (RFC 7519, RFC 7515).

The checked claims are `exp` and `nbf` in seconds since 1970, and `analyticsAccess`: true if API
access is enabled for the workspace, as it is without the claim.
"""

import base64
import hashlib
import hmac
from datetime import datetime

import msgspec

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.instants import Clock, utc_now


class _Header(msgspec.Struct):
    alg: str


class _Claims(msgspec.Struct, rename="camel"):
    exp: float | None = None
    nbf: float | None = None
    analytics_access: bool = True


def make_token(
    secret: str,
    *,
    expires_in_seconds: float = 3600,
    access: bool = True,
    clock: Clock = utc_now,
) -> str:
    """Make a token that a sandbox with the same secret accepts.

    A negative lifetime makes an expired token. Without access the sandbox responds with 403.
    """
    expires = int(clock().timestamp() + expires_in_seconds)
    claims = {"sub": "sandbox", "exp": expires, "analyticsAccess": access}
    parts = [msgspec.json.encode(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    signed = b".".join(map(_encode_part, parts))
    return b".".join((signed, _encode_part(_sign(secret, signed)))).decode()


def check_access(authorization: str | None, *, secret: str, now: datetime) -> None:
    """Check the value of an Authorization header.

    Raises:
        ApiFailure: 401 if the token is missing, malformed, forged, expired or not valid yet; 403 if
            it is valid but the workspace has no API access.
    """
    claims = _verified_claims(_bearer_token(authorization), secret)
    seconds = now.timestamp()
    if claims.exp is not None and claims.exp <= seconds:
        raise _unauthorized("The access token has expired")
    if claims.nbf is not None and claims.nbf > seconds:
        raise _unauthorized("The access token is not valid yet")
    if not claims.analytics_access:
        raise ApiFailure(403, "API access is not enabled for this workspace")


def _bearer_token(authorization: str | None) -> str:
    if not authorization:
        raise _unauthorized("The Authorization header is missing")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("The Authorization header must be: Bearer <token>")
    return token.strip()


def _verified_claims(token: str, secret: str) -> _Claims:
    """Return the claims of a token after checking its signature."""
    signed, _, signature = token.rpartition(".")
    try:
        header, payload = map(_decode_part, signed.split("."))
        algorithm = msgspec.json.decode(header, type=_Header).alg
        claims = msgspec.json.decode(payload, type=_Claims)
        given = _decode_part(signature)
    except ValueError as error:
        raise _unauthorized("The access token is malformed") from error
    if algorithm != "HS256":
        raise _unauthorized("The access token is not signed with HS256")
    if not hmac.compare_digest(given, _sign(secret, signed.encode())):
        raise _unauthorized("The signature of the access token is wrong")
    return claims


def _sign(secret: str, signed: bytes) -> bytes:
    return hmac.digest(secret.encode(), signed, hashlib.sha256)


def _encode_part(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _decode_part(part: str) -> bytes:
    """Decode base64url without padding; raise ValueError for other characters."""
    padded = part + "=" * (-len(part) % 4)
    return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)


def _unauthorized(message: str) -> ApiFailure:
    return ApiFailure(401, message, {"WWW-Authenticate": "Bearer"})
