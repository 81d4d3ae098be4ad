"""The opaque `$deltatoken` of a deltaLink (Protocol 11.3): which state of the rows a client has.

It names the snapshot that the client has read, and is signed together with the query. The links
between the pages of an answer about changes name the snapshot of the new state, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.errors import InvalidDeltaToken
from gateway.query.request import ODataRequest
from gateway.writer.skiptoken import TokenSigner

TOKEN = "$deltatoken"  # noqa: S105 - an option's name
_NOT_TRACKED = frozenset({"orderby", "skip", "top", "count", "skiptoken", "deltatoken"})

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """The rows of a snapshot that pass the filter; `moment` is what now() means there, if asked."""

    snapshot: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeltaPosition:
    """Changes since the state `old`: all that there are, or those to `new` from `offset` on."""

    old: SnapshotState
    new: SnapshotState | None = None
    offset: int = 0


def tracked_options(pairs: Pairs) -> Pairs:
    """What of a query a deltaLink keeps: which rows and how they look, not which part of them."""
    return tuple((n, v) for n, v in pairs if n.lower().removeprefix("$") not in _NOT_TRACKED)


def sign_changes(signer: TokenSigner, since: DeltaPosition, request: ODataRequest) -> str:
    """A token for what a deltaLink keeps of a query."""
    return signer.seal(since, _identity(request, tracked_options(request.pairs)))


def verify_changes(signer: TokenSigner, request: ODataRequest) -> DeltaPosition:
    """What the request's token says, which this service issued for this query.

    Raises:
        InvalidDeltaToken: it did not, or the query was changed.
    """
    token = request.options.deltatoken or ""
    since = signer.unseal(token, _identity(request, request.pairs), DeltaPosition)
    if since is None:
        raise InvalidDeltaToken(
            "$deltatoken: this link was not issued by this service, or its options were changed;"
            " follow @odata.deltaLink exactly as it came, or read the feed again with"
            " Prefer: odata.track-changes",
            target=TOKEN,
        )
    return since


def _identity(request: ODataRequest, pairs: Pairs) -> str:
    """Not that of any nextLink: neither kind of token stands for the other.

    Custom options mean nothing here, and proxies append theirs to links too.
    """
    custom = set(request.options.custom)
    options = [(n, v) for n, v in pairs if n.lower() != TOKEN and (n, v) not in custom]
    return repr((TOKEN, request.path, options))
