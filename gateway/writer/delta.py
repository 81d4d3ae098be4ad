"""Delta responses: the opaque `$deltatoken` of their links, and their removed rows.

The token (Protocol 11.3) names the snapshot that the client has read, and is signed together with
the query. The links between the pages of a delta response also name the snapshot of the new state.

For a removed row (JSON Format 15.3), 4.0 has an object with another context, `id` and `reason`;
4.01 has a row with only `@removed` and `@id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from gateway.errors import InvalidDeltaToken
from gateway.query.request import ODataRequest
from gateway.query.tree.projection import Projection
from gateway.query.tree.queries import BoundQuery
from gateway.writer.format import Format
from gateway.writer.links import Links
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


def projection_of_removed(query: BoundQuery, format_: Format, links: Links) -> Projection:
    """Return the projection of a removed row: only its id."""
    entity_set = query.entity_set
    return Projection(
        properties=(),
        key=entity_set.entity_type.key_properties,
        id_members=("id" if format_.version == "4.0" else "@id",),
        id_prefix=links.entity_prefix(entity_set.name),
    )


def write_removed(
    left: Iterable[tuple[bytes, bool]], query: BoundQuery, format_: Format, links: Links
) -> Iterator[bytes]:
    """Yield removed rows; each of `left` is an object with the id, and whether the row is gone.

    The reason `changed` means that the row no longer belongs to the collection but may exist.
    """
    context = msgspec.json.encode(links.deleted(query.entity_set.name))
    for row, gone in left:
        reason = b"deleted" if gone else b"changed"
        if format_.version == "4.0":
            yield b'{"@odata.context":%s,%s,"reason":"%s"}' % (context, row[1:-1], reason)
        else:
            yield b'{"@removed":{"reason":"%s"},%s' % (reason, row[1:])
