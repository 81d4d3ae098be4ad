"""Files -> a zip with the same bytes for the same files, on every machine and at any time."""

from __future__ import annotations

import io
from collections.abc import Mapping
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_MOMENT = (1980, 1, 1, 0, 0, 0)
_UNIX, _FILE_MODE = 3, 0o100644


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """The archive, in the order of the mapping; texts become UTF-8."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = ZipInfo(path, _MOMENT)
            entry.create_system, entry.external_attr = _UNIX, _FILE_MODE << 16
            archive.writestr(entry, content, ZIP_DEFLATED)
    return buffer.getvalue()
