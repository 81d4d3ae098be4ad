"""The choice of peers: none, a directory, or a directory and a Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gateway.observe import Clock, Observer
from gateway.snapshots.peers.directory import DirectoryPeers
from gateway.snapshots.peers.interface import Alone, NearAndFar, Peers
from gateway.snapshots.waiting import WaitPolicy

_MIN_KEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sharing:
    """The data directory and, if other machines take part, the URL of a Redis.

    `keep_seconds` is how long Redis keeps an unread snapshot, a minute at least.
    """

    directory: Path
    keep_seconds: float
    redis: str | None = field(default=None, repr=False)  # may hold a password


def build_peers(sharing: Sharing | None, clock: Clock, observer: Observer) -> Peers:
    """Return the peers; without `sharing`, snapshots are in memory and there are none."""
    if sharing is None:
        return Alone()
    near = DirectoryPeers(sharing.directory, WaitPolicy(), clock, observer)
    if sharing.redis is None:
        return near
    # Not above: importing redis takes a tenth of a second, and few need it.
    from gateway.snapshots.peers.redis import RedisPeers, RedisPolicy

    drafts = sharing.directory / "building"
    policy = RedisPolicy(max(sharing.keep_seconds, _MIN_KEEP_SECONDS))
    return NearAndFar(near, RedisPeers(sharing.redis, drafts, policy, clock, observer))
