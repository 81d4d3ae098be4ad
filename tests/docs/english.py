"""Refuse phrases that plain English does not use, in code, messages, pages and documentation.

`make check` runs it. The list holds phrases that are never right here; ordinary words are not on
it. A line that must quote somebody else's words is listed in `QUOTED`.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "grammar", "benchmarks")
TEXTS = ("*.md", "docs/**/*.md", "gateway/**/*.html", "gateway/**/*.toml", "deploy/**/*")
PHRASES = {
    r"\b(?:no|some)body\b": "name the caller, the client or the upstream",
    r"\bat hand\b": "cached, kept, available",
    r"\banew\b": "again",
    r"\bof one moment\b": "consistent, from one snapshot",
    r"\b(?:is|are|was|were|be|been) told\b": "gets, learns, sees; is logged, is reported",
    r"\btells\b": "says, shows, reports, returns; for a flag: true if",
    r"\b(?:is|are|was|were) asked (?:for|of)\b": "is requested",
    r"\bwho (?:asks|asked|wishes|reads|wants|looks|measures|waits|sees|comes)\b": (
        "the caller, clients that"
    ),
    r"\bfor who(?:ever)?\b": "for clients that, for callers that",
    r"\bto who\b": "to callers that",
    r"\bwishes\b": "wants; preferences",
    r"\b(?:stand|stands|stood) for\b": "means, represents",
    r"\bmake ready\b|\bstand up\b": "prepare, set up, deploy",
    r"\bbegin anew\b|\bload the page anew\b": "start over, reload the page",
    r"\bin the place of\b": "instead of",
    r"\bis to be (?:known|done|read|had|set|made)\b": "must be, should be",
    r"\blet go\b": "release",
    r"\bnot any more\b": "no longer",
    r"\bthe same as ever\b|\bas ever\b": "as before",
    r"\bthat is being read\b|\bis being read\b": "is loading",
    r"\bways? (?:to|of|from|between|in) (?:a |the |other )?(?:sets?|entit\w+|rows|tables)\b": (
        "navigation"
    ),
}
OPENING = re.compile(r"(?:Whether|What|Who|How|That|When|Where|Which|Why)\b")
OPENING_HINT = "start with an imperative verb (functions), a noun (classes), or `True if`"
QUOTED: frozenset[str] = frozenset()
"""Lines, stripped, that repeat texts which others wrote."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase, where it is, and what to write instead."""

    path: Path
    line: int
    phrase: str
    hint: str

    def __str__(self) -> str:
        """Return `path:line: 'phrase': hint`, which editors open."""
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.phrase!r}: {self.hint}"


def findings() -> Iterator[Finding]:
    """Yield all findings, files in order."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from in_python(path, path.read_text("utf-8"))
    for pattern in TEXTS:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                yield from in_text(path, path.read_text("utf-8"))


def in_python(path: Path, source: str) -> Iterator[Finding]:
    """Yield the findings in strings, comments and docstrings of a module."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT):
            yield from in_text(path, token.string, token.start[0])
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            opening = OPENING.match(ast.get_docstring(node) or "")
            if opening:
                yield Finding(path, node.body[0].lineno, opening[0], OPENING_HINT)


def in_text(path: Path, text: str, first_line: int = 1) -> Iterator[Finding]:
    """Yield the findings in running text."""
    for number, line in enumerate(text.splitlines(), first_line):
        if line.strip() in QUOTED:
            continue
        for pattern, hint in PHRASES.items():
            for match in re.finditer(pattern, line, re.IGNORECASE):
                yield Finding(path, number, match[0], hint)


def main() -> None:
    """Print the findings; exit with 1 if there are any."""
    found = [*findings()]
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    if found:
        sys.exit(f"{len(found)} phrases to rewrite; see tests/docs/english.py")


if __name__ == "__main__":
    main()
