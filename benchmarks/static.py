"""nginx with the bytes of the gateway's responses: the fastest way to serve them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from isal import igzip

from benchmarks.support import connect, free_port

HERE = shutil.which("nginx") is not None


@contextmanager
def nginx(pages: Iterable[bytes]) -> Iterator[tuple[str, ...]]:
    """Serve the pages, each stored plain and gzipped like the gateway's; yields URLs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        files = folder / "www"
        files.mkdir()
        number = -1
        for number, page in enumerate(pages):
            (files / f"{number}.json").write_bytes(page)
            (files / f"{number}.json.gz").write_bytes(igzip.compress(page, 1))
        with _serve(folder) as base:
            yield tuple(f"{base}/{n}.json" for n in range(number + 1))


@contextmanager
def _serve(folder: Path) -> Iterator[str]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        "http { access_log off; sendfile on; gzip_static on; keepalive_requests 1000000;"
        f" server {{ listen 127.0.0.1:{port}; root {folder}/www; }} }}\n"
    )
    process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(config)])
    try:
        base = f"http://127.0.0.1:{port}"
        _wait_for(base)
        yield base
    finally:
        process.terminate()
        process.wait()


def _wait_for(base: str) -> None:
    for _ in range(200):
        try:
            connect(base).connect()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(base)
