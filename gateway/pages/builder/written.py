"""What people have written or pasted: made this gateway's, and rid of access keys.

A key in a pasted URL would go on in the links and copies of the page, which people hand around.
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
_MOST_TOLD = 200
_CREDENTIALS = re.compile("//[^/]*@")


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is not as it was written; `about` is what it concerns.

    `key`: a key was taken out. `elsewhere`: the URL named another gateway. `dropped`: another table
    does not have these.
    """

    kind: Literal["key", "elsewhere", "dropped"]
    about: str


def without_keys(
    fields: Mapping[str, list[str]], option: KeyOption | None
) -> tuple[dict[str, list[str]], tuple[Note, ...]]:
    """The fields without keys where options of a URL stand, and whether there were any."""
    if option is None:
        return dict(fields), ()
    kept = {name: [_rid(name, text, option) for text in fields[name]] for name in fields}
    return kept, (Note("key", option.name),) if kept != fields else ()


def _rid(name: str, text: str, option: KeyOption) -> str:
    if name == "other":
        return "\n".join(_split(line, option) for line in text.split("\n"))
    path, mark, query = text.partition("?")
    if name not in _WITH_OPTIONS or not mark:
        return text
    rest = _split(query, option)
    return f"{path}{mark}{rest}" if rest else path


def _split(text: str, option: KeyOption) -> str:
    return option.split(text.encode())[0].decode()


def as_ours(written: str, root: str) -> tuple[str, tuple[Note, ...]]:
    """The URL below the service root, and whether it named another gateway.

    Raises:
        InvalidValue: it leads to another service.
    """
    found = below_service(written, root)
    if below_root(written.strip(), root) is not None:
        return found, ()
    told = _CREDENTIALS.sub("//", written.strip().partition("?")[0])
    return found, (Note("elsewhere", told[:_MOST_TOLD]),)
