"""Which peers there are, by what is shared: nothing, a directory, or a directory and a Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway.observe import Clock, Observer
from gateway.snapshots.peers.directory import DirectoryPeers
from gateway.snapshots.peers.interface import Alone, NearAndFar, Peers
from gateway.snapshots.waiting import Patience

_LEAST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sharing:
    """The data directory and, if other machines take part, the URL of a Redis.

    `keep_seconds`: how long Redis keeps what nobody reads, a minute at least.
    """

    directory: Path
    keep_seconds: float
    redis: str | None = field(default=None, repr=False)  # may hold a password


def build_peers(sharing: Sharing | None, clock: Clock, observer: Observer) -> Peers:
    """None: what is in memory is nobody else's."""
    if sharing is None:
        return Alone()
    near = DirectoryPeers(sharing.directory, Patience(), clock, observer)
    if sharing.redis is None:
        return near
    # Not above: importing redis takes a tenth of a second, and few need it.
    from gateway.snapshots.peers.redis import RedisPeers, RedisPolicy

    drafts = sharing.directory / "building"
    policy = RedisPolicy(max(sharing.keep_seconds, _LEAST_SECONDS))
    return NearAndFar(near, RedisPeers(sharing.redis, drafts, policy, clock, observer))
