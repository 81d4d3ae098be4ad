"""The opaque `$deltatoken` of a deltaLink (Protocol 11.3): the state of the rows at the client.

It names the snapshot that the client has read, and is signed together with the query. The links
between the pages of a delta response also name the snapshot of the new state.
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
    """The rows of a snapshot that pass the filter; `moment` is the value of now(), if used."""

    snapshot: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeltaPosition:
    """Changes since the state `old`: up to the current one, or up to `new` from `offset` on."""

    old: SnapshotState
    new: SnapshotState | None = None
    offset: int = 0


def tracked_options(pairs: Pairs) -> Pairs:
    """Return the options that a deltaLink retains: all but those that page or sort the rows."""
    return tuple((n, v) for n, v in pairs if n.lower().removeprefix("$") not in _NOT_TRACKED)


def sign_changes(signer: TokenSigner, since: DeltaPosition, request: ODataRequest) -> str:
    """Return a token for a position and the options that a deltaLink retains."""
    return signer.seal(since, _identity(request, tracked_options(request.pairs)))


def verify_changes(signer: TokenSigner, request: ODataRequest) -> DeltaPosition:
    """Return the position in the request's token.

    Raises:
        InvalidDeltaToken: this service did not issue it, or the query was changed.
    """
    token = request.options.deltatoken or ""
    since = signer.unseal(token, _identity(request, request.pairs), DeltaPosition)
    if since is None:
        raise InvalidDeltaToken(
            "$deltatoken: this link was not issued by this service, or its options were changed;"
            " follow @odata.deltaLink exactly as received, or load all rows again with"
            " Prefer: odata.track-changes",
            target=TOKEN,
        )
    return since


def _identity(request: ODataRequest, pairs: Pairs) -> str:
    """Return the text to sign; it starts differently from a nextLink's, so tokens do not mix.

    Custom options are left out: they have no effect, and proxies append theirs to links too.
    """
    custom = set(request.options.custom)
    options = [(n, v) for n, v in pairs if n.lower() != TOKEN and (n, v) not in custom]
    return repr((TOKEN, request.path, options))
