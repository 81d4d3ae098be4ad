"""The findings of `skillhabit-odata check`, and the calls behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from gateway.analytics.read.bodies import UNDECODED, decode_any, flaw_of
from gateway.analytics.read.connection_errors import connection_failure
from gateway.analytics.read.members import MISSING
from gateway.contract.model import MemberPath
from gateway.errors import UpstreamRejectedToken, UpstreamUnavailable

_MAX_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `fits` False means that the contract file must change."""

    fits: bool
    subject: str
    text: str


async def call_upstream(
    http: httpx.AsyncClient, path: str, payload: dict[str, Any], token: str
) -> tuple[Finding, Any]:
    """Make one call; return its finding, and the response, MISSING if there is none.

    Raises:
        UpstreamUnavailable: the upstream cannot be reached, or cannot respond now.
        UpstreamRejectedToken: 401, which does not concern the contract file.
    """
    headers = {"Authorization": f"Bearer {token}"}
    try:
        response = await http.post(path, json=payload, headers=headers)
    except httpx.DecodingError as error:
        unpacked = f"answered with a body that is not what its Content-Encoding says: {error}"
        return Finding(False, f"POST {path}", unpacked), MISSING
    except httpx.HTTPError as error:
        raise UpstreamUnavailable(
            f"{http.base_url} cannot be reached ({connection_failure(error)}); check the name, the"
            " network and the proxy variables"
        ) from None  # libraries' errors show the request and its token
    place = f"POST {path}"
    if response.status_code == 401:
        raise UpstreamRejectedToken(f"{http.base_url} refuses the token: {place} answered 401")
    if response.status_code == 429 or response.status_code >= 500:
        raise UpstreamUnavailable(
            f"{http.base_url} cannot answer now: {place} answered {response.status_code}"
        )
    if response.status_code != 200:
        said = response.text.replace(token, "(the token)")[:_MAX_SHOWN_CHARACTERS]
        return Finding(False, place, f"answered {response.status_code}: {said}"), MISSING
    try:
        answer = decode_any(response.content)
    except UNDECODED as error:
        flaw = flaw_of(response.content)
        words = str(error) if flaw is None else f"{flaw.reason} (byte {flaw.byte})"
        return Finding(False, place, f"answered 200, but not JSON: {words}"), MISSING
    return Finding(True, place, "answered 200 with JSON"), answer


def member_finding(
    fits: bool, table: str, path: MemberPath, expected: str, found: object
) -> Finding:
    """Return the finding on a member that fits the contract file or not."""
    name = ".".join(path)
    if fits:
        return Finding(True, table, f"`{name}` is {expected}")
    state = "is missing" if found is MISSING else f"is {short(found)}"
    return Finding(False, table, f"`{name}` {state}, not {expected}; correct the path")


def short(value: object) -> str:
    """Return a short description of a value, of at most 40 characters for privacy."""
    if isinstance(value, dict):
        return f"an object with {', '.join(sorted(value))}"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
