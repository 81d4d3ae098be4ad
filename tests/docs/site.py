"""Hooks that mkdocs calls while it builds the site (`hooks` in mkdocs.yml).

Pages link to files of the repository that are not part of the site. In the site such a link becomes
the file's path, as text.
"""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath

from mkdocs.structure.pages import Page

_LINK = re.compile(r"\[([^\]\n]+)\]\((\.\./[^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Return the page without links that lead out of docs/."""
    return name_files(markdown, page.file.src_uri)


def name_files(markdown: str, source: str) -> str:
    """Replace links by paths from the repository's root; `source` is the page's path in docs/.

    >>> name_files("[a unit](../deploy/a.service), [Makefile](../Makefile)", "operations.md")
    'a unit (`deploy/a.service`), `Makefile`'
    >>> name_files("[002](../decisions/002.md)", "explanation/nulls.md")
    '[002](../decisions/002.md)'
    """

    def named(link: re.Match[str]) -> str:
        text, target = link.groups()
        path = normpath(join("docs", dirname(source), target))
        if path.startswith("docs/"):
            return link[0]
        return f"`{path}`" if path.endswith(text) else f"{text} (`{path}`)"

    return _LINK.sub(named, markdown)
