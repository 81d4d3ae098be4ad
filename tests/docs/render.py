"""Documentation that is made from the code; `python -m tests.docs.render` writes it.

The tests beside this module fail when a document lags behind.
"""

from __future__ import annotations

import re
from pathlib import Path

from gateway import errors
from gateway.config import SETTINGS
from gateway.errors import GatewayError

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
ERRORS = ROOT / "docs" / "errors.md"
_SETTINGS = re.compile(r"(<!-- settings:.*?-->\n).*?(<!-- /settings -->)", re.DOTALL)

_ERRORS_HEAD = """# Errors

Every failure is OData JSON: `{"error": {"code", "message", "target", "details"}}`. The message
names the option, the place and the way out; Power BI and Excel show it. A syntax error's `details`
hold the text with a caret under the place. 502 and 503 speak of the Analytics API; 503 carries
`Retry-After` in whole seconds, which Power Query waits for. Made from `gateway/errors.py`.

| status | code | meaning |
|---|---|---|
"""


def settings_table() -> str:
    """The table of settings in the README."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for setting in SETTINGS:
        default = setting.default
        shown = ",".join(default) if isinstance(default, tuple) else str(default).lower()
        text = "" if default in (None, ()) else f"`{shown}`"
        lines.append(f"| `{setting.option} {setting.metavar}` | {text} | {setting.help} |")
    return "\n".join(lines) + "\n"


def readme() -> str:
    """The README with its table as it must be."""
    text = README.read_text("utf-8")
    return _SETTINGS.sub(lambda m: m[1] + settings_table() + m[2], text)


def catalogue() -> list[type[GatewayError]]:
    """Every error with a code of its own, by status and code."""
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GatewayError) and value is not GatewayError
    ]
    return sorted(found, key=lambda error: (error.status, error.code))


def errors_page() -> str:
    """docs/errors.md."""
    rows = (
        f"| {error.status} | `{error.code}` | {(error.__doc__ or '').splitlines()[0]} |"
        for error in catalogue()
    )
    return _ERRORS_HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    README.write_text(readme(), "utf-8")
    ERRORS.write_text(errors_page(), "utf-8")
