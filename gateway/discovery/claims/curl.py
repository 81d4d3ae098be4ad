"""The text of a cURL command -> exchanges. The text is split into words; it is never run.

Browsers copy requests in this form, with the quoting of bash or of the Windows command prompt.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.discovery.claims.examples import ABSENT, Exchange
from gateway.discovery.claims.har import body_of
from gateway.errors import ConfigurationProblem

MAX_LETTERS = 2_000_000
_START = re.compile(r"\s*(?:[$>#]\s+)?curl(?:\.exe)?\s", re.IGNORECASE)
_ANSI = re.compile(r"(?<=\s)\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPES = dict(zip("ntrbfvae", "\n\t\r\b\f\v\a\x1b", strict=True))
_ENDS = frozenset({";", "&", "&&", "|", "||"})
_DATA = frozenset({"--data", "--data-raw", "--data-binary", "--data-ascii", "--json"})
_UPLOADS = frozenset({"--form", "--form-string", "--upload-file", "--config", "--data-urlencode"})
_LONG = {
    "X": "--request", "H": "--header", "d": "--data", "u": "--user", "b": "--cookie", "F": "--form",
    "T": "--upload-file", "K": "--config", "G": "--get", "I": "--head",
}  # fmt: skip
_SHORT_WITH_VALUE = frozenset("XHdubAeoxFTmcCDEKPQrtUwyYz")
_WITH_VALUE = """
--request --header --user --cookie --url --user-agent --referer --output --proxy --max-time --cert
--connect-timeout --cookie-jar --key --cacert --capath --resolve --retry --retry-delay --interface
--range --write-out --form --form-string --upload-file --config --oauth2-bearer --data-urlencode
--ciphers --limit-rate --noproxy --proxy-user --connect-to --aws-sigv4
"""
_LONG_WITH_VALUE = frozenset(_WITH_VALUE.split())


@dataclass(slots=True)
class _Command:
    """One command while its words are read; its `repr` shows no value."""

    url: str = field(default="", repr=False)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list, repr=False)
    data: list[str] = field(default_factory=list, repr=False)


def is_curl(text: str) -> bool:
    """Return True if a text begins like a cURL command."""
    return _START.match(text[:200]) is not None


def exchanges_from_curl(text: str) -> Iterator[Exchange]:
    """Yield the requests that the commands of a text describe.

    Raises:
        ConfigurationProblem: unbalanced quotes, `@file`, or a form upload.
    """
    if len(text) > MAX_LETTERS:
        raise ConfigurationProblem("the cURL command is longer than 2 MB; shorten its body")
    try:
        words = shlex.split(_plain(text), comments=False, posix=True)
    except ValueError:
        raise ConfigurationProblem(
            "the cURL command has an open quote; copy the whole command again, as `cURL (bash)`"
        ) from None
    for command in _commands(words):
        yield _exchange(_parsed(command))


def _plain(text: str) -> str:
    """Return the text in the quoting that `shlex` knows: no continuation lines, `^` or `$'...'`."""
    if re.search(r"\^\r?\n|\^\"", text):
        text = re.sub(r"\s*\^\r?\n\s*", " ", text)
        text = re.sub(r"\^(.)", r"\1", text, flags=re.DOTALL)
    text = re.sub(r"[\\`]\r?\n", " ", text)
    return _ANSI.sub(lambda found: shlex.quote(_unescaped(found[1])), text)


def _unescaped(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "uUx" and len(code) > 1:
            number = int(code[1:], 16)
            return chr(number) if number < 0x110000 else ""
        return _ESCAPES.get(code, code)

    pattern = r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{1,2}|.)"
    return re.sub(pattern, one, text, flags=re.DOTALL)


def _commands(words: list[str]) -> Iterator[list[str]]:
    """Yield the words after each `curl`, up to the end of its command."""
    current: list[str] | None = None
    for word in words:
        if word.lower() in ("curl", "curl.exe"):
            if current:
                yield current
            current = []
        elif word in _ENDS:
            if current:
                yield current
            current = None
        elif current is not None:
            current.append(word)
    if current:
        yield current


def _parsed(words: list[str]) -> _Command:
    command = _Command()
    rest = iter(words)
    for word in rest:
        name, attached = _option(word)
        if name == "":
            command.url = command.url or word
        elif name in _DATA or name in _LONG_WITH_VALUE or name[1:] in _SHORT_WITH_VALUE:
            _take(command, name, next(rest, "") if attached is None else attached)
        elif name in ("--get", "--head"):
            command.method = "GET"
    return command


def _option(word: str) -> tuple[str, str | None]:
    """Return the option's long name and the value that is attached to it; no name for a URL.

    >>> _option("-XPOST"), _option("-sSLd"), _option("--json"), _option("https://x.example")
    (('--request', 'POST'), ('--data', None), ('--json', None), ('', None))
    """
    if word.startswith("--"):
        name, sign, value = word.partition("=")
        return name, value if sign else None
    if not word.startswith("-") or word == "-":
        return "", None
    for at, letter in enumerate(word[1:], 1):
        if letter in _SHORT_WITH_VALUE or at == len(word) - 1:
            return _LONG.get(letter, f"-{letter}"), word[at + 1 :] or None
    return "", None


def _take(command: _Command, name: str, value: str) -> None:
    """Record one option and its value."""
    if name in _UPLOADS:
        raise ConfigurationProblem(
            f"the cURL command uses {name}; only JSON bodies in the command itself are read"
        )
    if name in _DATA:
        if value.startswith("@") and name != "--data-raw":
            raise ConfigurationProblem(
                "the cURL command reads its body from a file (`@...`); write the JSON into the"
                " command"
            )
        command.data.append(value)
        command.method = command.method or "POST"
    elif name == "--request":
        command.method = value.upper()
    elif name == "--header":
        header, _, text = value.partition(":")
        command.headers.append((header.strip(), text.strip()))
    elif name in ("--user", "--oauth2-bearer"):
        command.headers.append(("Authorization", "Basic -" if name == "--user" else "Bearer -"))
    elif name == "--cookie":
        command.headers.append(("Cookie", "-"))
    elif name == "--url":
        command.url = value


def _exchange(command: _Command) -> Exchange:
    url = command.url if "://" in command.url else f"https://{command.url}"
    kind = next((v for n, v in command.headers if n.lower() == "content-type"), "")
    return Exchange(
        url=url,
        method=command.method or "GET",
        headers=tuple(command.headers),
        request=body_of("&".join(command.data), kind) if command.data else ABSENT,
    )
