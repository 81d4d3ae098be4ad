"""Which licences come with the packages that the gateway needs: `make licenses` writes the page."""

from __future__ import annotations

import importlib.metadata
import re
from email.message import Message
from typing import cast

from tests.packaging.lock import ROOT, RUNTIME, Pin, pins

PAGE = ROOT / "docs" / "licenses.md"
ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0"}
    | {"PSF-2.0"}
)
"""None asks for more than its text and its notices to be kept; MPL's files are not changed here."""

_SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_THREE_CLAUSES = ("Redistribution and use in source and binary forms", "Neither the name of")
_ROW = re.compile(r"^\| (\S+) \| \S+ \| (.+) \|$", re.MULTILINE)

_HEAD = """# Licences

The packages of an image or a fresh installation, besides the gateway (MIT) and Python itself.
`make licenses` generates this page from [requirements.lock](../requirements.lock) and the packages'
own metadata; a test fails if a licence is not one of
"""


def licence_of(pin: Pin) -> str:
    """The licence as an SPDX expression; what cannot be read is returned as it is written.

    Of a package that is not here, or in another version, what the page says already.
    """
    if not pin.is_installed:
        known: dict[str, str] = dict(_ROW.findall(PAGE.read_text("utf-8")))
        return known.get(pin.name, "unknown")
    facts = cast("Message", importlib.metadata.metadata(pin.name))
    expression = facts.get("License-Expression")
    if expression:
        return str(expression)
    written = str(facts.get("License") or "").strip()
    if all(clause in written for clause in _THREE_CLAUSES):
        return "BSD-3-Clause"
    if written in ALLOWED or written in _SPELLINGS:
        return _SPELLINGS.get(written, written)
    names = [str(c).rpartition(" :: ")[2] for c in facts.get_all("Classifier") or ()
             if str(c).startswith("License ::")]  # fmt: skip
    spelled = " OR ".join(_SPELLINGS.get(name, name) for name in names)
    return spelled or written or "unknown"


def not_allowed(expression: str) -> set[str]:
    """The licences in an SPDX expression that must not come in.

    >>> sorted(not_allowed("(MIT AND GPL-3.0-only) OR Proprietary"))
    ['GPL-3.0-only', 'Proprietary']
    """
    return set(re.split(r"[\s()]+|\b(?:AND|OR|WITH)\b", expression)) - ALLOWED - {"", None}


def page() -> str:
    """docs/licenses.md."""
    rows = [f"| {pin.name} | {pin.version} | {licence_of(pin)} |" for pin in pins(RUNTIME).values()]
    allowed = ", ".join(sorted(ALLOWED))
    return "\n".join(
        (f"{_HEAD}{allowed}.\n", "| package | version | licence |", "|---|---|---|", *rows, "")
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
