"""Pasted URLs: converted to this gateway's root, with access keys removed.

A key in a pasted URL would otherwise end up in the page's links and code, which users share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gateway.auth.key_option import KeyOption
from gateway.pages.builder.from_query import below_service
from gateway.query.reference import below_root

_WITH_OPTIONS = ("url", "last", "rest")
_MAX_SHOWN_CHARACTERS = 200
_CREDENTIALS = re.compile("//[^/]*@")


@dataclass(frozen=True, slots=True)
class Note:
    """A change to what the user entered; `about` names its subject.

    `key`: an access key was removed. `elsewhere`: the URL named another gateway. `dropped`: the
    new table does not have these.
    """

    kind: Literal["key", "elsewhere", "dropped"]
    about: str


def without_keys(
    fields: Mapping[str, list[str]], option: KeyOption | None
) -> tuple[dict[str, list[str]], tuple[Note, ...]]:
    """Return the fields with access keys removed from URLs, and a note if there were any."""
    if option is None:
        return dict(fields), ()
    cleaned = {name: [_without_key(name, text, option) for text in fields[name]] for name in fields}
    return cleaned, (Note("key", option.name),) if cleaned != fields else ()


def _without_key(name: str, text: str, option: KeyOption) -> str:
    if name == "other":
        return "\n".join(_split(line, option) for line in text.split("\n"))
    path, mark, query = text.partition("?")
    if name not in _WITH_OPTIONS or not mark:
        return text
    rest = _split(query, option)
    return f"{path}{mark}{rest}" if rest else path


def _split(text: str, option: KeyOption) -> str:
    return option.split(text.encode())[0].decode()


def relative_url(entered: str, root: str) -> tuple[str, tuple[Note, ...]]:
    """Return the URL relative to the service root, and a note if it named another gateway.

    Raises:
        InvalidValue: the URL belongs to another service.
    """
    relative = below_service(entered, root)
    if below_root(entered.strip(), root) is not None:
        return relative, ()
    shown = _CREDENTIALS.sub("//", entered.strip().partition("?")[0])
    return relative, (Note("elsewhere", shown[:_MAX_SHOWN_CHARACTERS]),)
