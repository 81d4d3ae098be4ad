"""gateway.toml, updated in place: the settings that `init` asks for change, the rest stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping

from gateway.config.template import as_toml, configuration_text
from gateway.discovery.kept.blocks import read_blocks, text_of_blocks, without_entry


def settings_text(
    old: str | None, chosen: Mapping[str, object], removed: Collection[str] = ()
) -> str:
    """Return the file; `chosen` maps names of settings to values, None for those not chosen.

    Settings that are `removed` become comments.

    Custom fields are columns of the contract file, so their table is left out.
    """
    values = {name: value for name, value in chosen.items() if value is not None}
    stored = stored_settings(old)
    if not stored:
        return configuration_text(values)
    text = text_of_blocks(without_entry(read_blocks(old or ""), "custom_field"))
    for name, value in values.items():
        text = _with_setting(text, name, f"{name} = {as_toml(value)}")
    for name in sorted(stored.keys() & {*removed}):
        text = _with_setting(text, name, f"# {name} = {as_toml(stored[name])}")
    return text


def stored_settings(text: str | None) -> dict[str, object]:
    """Return the settings of a file; none if it is not TOML."""
    try:
        return tomllib.loads(text or "")
    except tomllib.TOMLDecodeError:
        return {}


def _with_setting(text: str, name: str, line: str) -> str:
    """Return the file with a line replaced: the setting's own, or its commented default."""
    head, *rest = read_blocks(text)
    body = list(head.body)
    for pattern in (rf"\s*{name}\s*=", rf"#\s*{name}\s*="):
        places = [n for n, statement in enumerate(body) if re.match(pattern, statement)]
        if places:
            body[places[0]] = line
            break
    else:
        body.append(line)
    lines = [*head.before, *body, *(line for block in rest for line in block.lines)]
    return "\n".join(lines) + "\n"
