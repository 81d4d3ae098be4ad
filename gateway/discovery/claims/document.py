"""Bytes of unknown origin -> a JSON value, or a refusal. JSON and YAML, within limits."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml

from gateway.errors import ConfigurationProblem

MAX_DOCUMENT_BYTES = 5 * 1024 * 1024
"""The size limit of an API description; the largest public ones have 3 to 4 MB with whitespace."""

MAX_YAML_BYTES = 2 * 1024 * 1024
"""The size limit of a description in YAML, which takes about five seconds to parse."""

MAX_DEPTH = 100
_YAML_SIGN = re.compile(r"^\s*['\"]?(?:openapi|swagger)['\"]?\s*:", re.MULTILINE)


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # C if built
    """A loader of YAML that has JSON's types only: no tags, no dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads the class attribute
        letter: [pair for pair in pairs if not pair[0].endswith(("timestamp", "merge", "value"))]
        for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def text_of(data: bytes) -> str:
    """Return a file's text: UTF-8, or UTF-16 with a byte order mark (Windows PowerShell writes it).

    Raises:
        ConfigurationProblem: the bytes are not text.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise ConfigurationProblem(
            "this is not a text file; save it as UTF-8, and unpack it if it is compressed"
        ) from None


def json_of(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: the text is not JSON, or nested too deeply.
    """
    try:
        value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ValueError("not JSON, or nested too deeply") from None
    _check_depth(value)
    return value


def is_yaml_description(text: str) -> bool:
    """Return True if a text looks like an OpenAPI description in YAML."""
    return _YAML_SIGN.search(text[:20_000]) is not None


def description_of(text: str) -> Any:
    """Return an API description, written in JSON or YAML.

    Raises:
        ConfigurationProblem: too large, or neither JSON nor YAML.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise ConfigurationProblem(
            f"the API description is larger than {MAX_DOCUMENT_BYTES // 1024 // 1024} MB; remove"
            " the paths that do not concern results and statistics"
        )
    try:
        return json_of(text)
    except ValueError:
        return _yaml_of(text)


def _yaml_of(text: str) -> Any:
    if len(text) > MAX_YAML_BYTES:
        raise ConfigurationProblem(
            f"the API description is not JSON, and as YAML it exceeds the limit of"
            f" {MAX_YAML_BYTES // 1024 // 1024} MB; save it as JSON"
        )
    try:
        value = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a subclass of the safe loader
        _check_depth(value)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError) as problem:
        mark = getattr(problem, "problem_mark", None)
        place = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
        raise ConfigurationProblem(
            f"the API description is neither JSON nor YAML{place}, or nested too deeply"
        ) from None
    return value


def _check_depth(value: Any) -> None:
    """Raise ValueError if a path is longer than `MAX_DEPTH`; circular parts count once."""
    seen: set[int] = set()
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [one for one in level if isinstance(one, dict | list) and id(one) not in seen]
        seen.update(map(id, inner))
        level = [
            child for one in inner for child in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueError("nested too deeply")


def as_object(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is an array, otherwise an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the value if it is a text, otherwise an empty one."""
    return value if isinstance(value, str) else ""
