"""The end of a token of the Analytics API, by its claims, which are not verified here."""

from __future__ import annotations

from gateway.auth.identity import claimed_instant
from gateway.observe.health import TokenFacts

_SHORT_LIFETIME_SECONDS = 2 * 86_400
"""A person does not replace a token each day, so a program writes one that ends sooner."""


def facts_of(token: str) -> TokenFacts:
    """Return the facts about a token that the gateway cannot renew; empty if there is none."""
    if not token:
        return TokenFacts(is_there=False)
    ends_at, issued_at = claimed_instant(token, "exp"), claimed_instant(token, "iat")
    is_short = (
        ends_at is not None
        and issued_at is not None
        and ends_at - issued_at < _SHORT_LIFETIME_SECONDS
    )
    return TokenFacts(ends_at=ends_at, is_renewed=is_short)
