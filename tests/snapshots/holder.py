"""A process that takes one lease, makes one snapshot, says so, and goes on for some seconds.

Arguments: `directory` and a folder, or `redis` and a URL; then the seconds.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.snapshots.sharing import ONE, Member, policy_of
from tests.snapshots.tables import key


async def main(kind: str, place: str, seconds: str) -> None:
    member = Member(Path(place) if kind == "directory" else Path.cwd() / "holder")
    policy = policy_of(lease=1)
    peers = member.by_directory() if kind == "directory" else member.by_redis(place, policy)
    async with peers.lease(key()), peers.making(ONE):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.sleep(float(seconds))
    sys.stdout.write("free\n")
    await peers.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
