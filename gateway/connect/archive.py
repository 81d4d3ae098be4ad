"""Files -> a reproducible zip: the same files give the same bytes on any machine, at any time."""

from __future__ import annotations

import io
from collections.abc import Mapping
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_UNIX, _FILE_MODE = 3, 0o100644


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """Return the archive, in the order of the mapping; texts are encoded as UTF-8."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = ZipInfo(path, _TIMESTAMP)
            entry.create_system, entry.external_attr = _UNIX, _FILE_MODE << 16
            archive.writestr(entry, content, ZIP_DEFLATED)
    return buffer.getvalue()
