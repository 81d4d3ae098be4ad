"""What a setting is: its name in all places, its values, and whether a workspace has its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

ENVIRONMENT_PREFIX = "SKILLHABIT_ODATA_"


class Share(Enum):
    """Whether a workspace has a setting of its own.

    NOT: the gateway has it, once. INHERITED: a workspace that does not say it has the gateway's.
    OWN: what is not said is not there.
    """

    NOT = "not"
    INHERITED = "inherited"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in TOML; `--name` and `SKILLHABIT_ODATA_NAME` follow from it.

    A `secret` one is not repeated in messages. `share` tells what a workspace may say of it.
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
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """The command line's option."""
        return "--" + self.name.replace("_", "-")

    def shown(self, value: object, place: str | None = None) -> str:
        """The setting, or where it was given, with its value unless that is secret."""
        said = " ".join(value) if isinstance(value, tuple) else value  # a repeated option
        return f"{place or self.name}{'' if self.secret else f' = {said!r}'}"
