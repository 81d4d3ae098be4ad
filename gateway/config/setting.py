"""The definition of a setting: its names, its values, and its scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

ENVIRONMENT_PREFIX = "SKILLHABIT_ODATA_"


class Share(Enum):
    """The scope of a setting.

    NOT: only the gateway has it. INHERITED: a workspace can set it; the gateway's value is its
    default. OWN: each workspace sets it; the gateway's value does not apply.
    """

    NOT = "not"
    INHERITED = "inherited"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in TOML; `--name` and `SKILLHABIT_ODATA_NAME` follow from it.

    Messages never repeat the value of a `secret` setting. `share` is its scope.
    """

    name: str
    convert: Callable[[object], Any]
    default: object
    help: str
    metavar: str = "TEXT"
    repeatable: bool = False
    secret: bool = False
    share: Share = Share.NOT

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """Return the command-line option."""
        return "--" + self.name.replace("_", "-")

    def shown(self, value: object, place: str | None = None) -> str:
        """Return the setting or its origin, with its value unless that is secret."""
        text = " ".join(value) if isinstance(value, tuple) else value  # a repeated option
        return f"{place or self.name}{'' if self.secret else f' = {text!r}'}"
