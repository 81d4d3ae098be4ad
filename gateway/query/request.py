"""Raw URL -> `ODataRequest`: parsed by the grammar, without a schema.

The grammar's exceptions become the service's errors (400) here and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches

from gateway.errors import (
    GatewayError,
    InvalidSyntax,
    LimitExceeded,
    ResourceNotFound,
    TextPosition,
    UnknownOption,
)
from gateway.query.reference import below_root
from grammar import (
    ODataSyntaxError,
    QueryOptions,
    ResourcePath,
    UnknownOptionError,
    parse_query_options,
    parse_resource_path,
    split_path,
    split_query,
)

_CUSTOM_NAME = re.compile(r"[\w.:~-]+")
_QUOTED = re.compile(r"'[^']*'")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_NEXT_OPTION = re.compile(r"[&?]\s*\$\w+=")
_OPTION_NAMES = [f.name for f in fields(QueryOptions) if f.name not in ("aliases", "custom", "id")]
_TEXTS = ("format", "id", "skiptoken", "deltatoken")


@dataclass(frozen=True, slots=True)
class ODataRequest:
    """A parsed URL. `pairs` are the decoded name-value pairs of the query, in order, for links.

    `by_id` is true if the URL was `$entity`; `path` is then the path in its `$id`.
    """

    path: ResourcePath
    options: QueryOptions
    pairs: tuple[tuple[str, str], ...]
    by_id: bool = False


def parse_request(raw_path: bytes, raw_query: bytes, root: str = "") -> ODataRequest:
    """Parse path (below the service root) and query as they were on the wire, undecoded.

    `root` is the service root, below which an absolute `$id` must lie. `/$query` at the end means
    that the query came in the body, which makes no difference here (URL Conventions 4.17).

    Raises:
        InvalidSyntax: with the position, a caret line and, for common mistakes, a hint.
        UnknownOption: for a `$` option that OData does not know.
    """
    try:
        path = _without_query(parse_resource_path(split_path(raw_path)))
        pairs = split_query(raw_query)
        options = _trimmed(parse_query_options(pairs))
        _check_custom_names(options)
        request = ODataRequest(path, options, pairs)
        by_id = bool(path.segments) and path.segments[0].name == "$entity"
        return _dereferenced(request, root) if by_id else request
    except ODataSyntaxError as error:
        raise to_gateway_error(error) from error
    except RecursionError as error:
        raise LimitExceeded("the expression is nested too deeply; simplify it") from error


def _trimmed(options: QueryOptions) -> QueryOptions:
    """Strip blanks from the options that the grammar leaves as text."""
    texts = {name: getattr(options, name) for name in _TEXTS}
    return replace(options, **{name: t.strip() for name, t in texts.items() if t is not None})


def _without_query(path: ResourcePath) -> ResourcePath:
    posted = bool(path.segments) and path.segments[-1].name == "$query"
    return ResourcePath(path.segments[:-1]) if posted else path


def _dereferenced(request: ODataRequest, root: str) -> ODataRequest:
    """Return `$entity?$id=...` as a request for the entity's own URL (URL Conventions 4.3.4)."""
    if request.options.id is None:
        raise InvalidSyntax(
            "$entity needs the option $id, for example $entity?$id=Results('a')", target="$id"
        )
    referenced = below_root(request.options.id, root)
    if referenced is None:
        raise ResourceNotFound(
            "$id: this URL belongs to another service; use the @odata.id of an entity here",
            target="$id",
        )
    try:
        path = parse_resource_path(split_path(referenced.encode()))
    except ODataSyntaxError as error:
        raise InvalidSyntax(
            f"$id: {error.message}; its value is a URL, which must be percent-encoded once more"
            " inside another URL",
            target="$id",
        ) from error
    segments = (*path.segments, *request.path.segments[1:])
    options = replace(request.options, id=None)
    return replace(request, path=ResourcePath(segments), options=options, by_id=True)


def _check_custom_names(options: QueryOptions) -> None:
    """Refuse custom options that were probably meant as OData's own; ignore all others.

    Proxies append options of theirs. The rest of an option that a bare `&` has cut in two is
    refused too: Protocol 6.1 lets a service refuse options that it does not understand.
    """
    for written, _ in options.custom:
        name = written.strip()
        hint = encoding_hint(f"{name}=", name)
        if hint and not _CUSTOM_NAME.fullmatch(name):
            raise UnknownOption(f"{name!r} is not an option; {hint}", target=name)
        if name and not _CUSTOM_NAME.fullmatch(name):
            raise UnknownOption(
                f"{name!r} follows a & that ended the option before it; inside an option"
                " write %26 for &, and `and` between conditions",
                target=name,
            )
        close = get_close_matches(name.lower(), _OPTION_NAMES, n=1, cutoff=0.85)
        if close:
            raise UnknownOption(
                f"{name} is not an OData option; did you mean ${close[0]}?", target=name
            )


def to_gateway_error(error: ODataSyntaxError) -> GatewayError:
    """Return the service's error for a syntax error of the grammar."""
    family = UnknownOption if isinstance(error, UnknownOptionError) else InvalidSyntax
    where = f"{error.option}: " if error.option else ""
    at = f" at position {error.position + 1}" if error.text else ""
    hint = encoding_hint(error.text, error.option) or error.hint
    if family is UnknownOption:
        hint = hint or "leave it out"
    hint = f"; {hint or _slash_hint(error) or _expected(error)}".rstrip("; ")
    caret = (_caret(error),) if error.text else ()
    place = TextPosition(error.text, error.position) if error.text else None
    message = f"{where}{error.message}{at}{hint}"
    return family(message, target=error.option, details=caret, place=place)


def _expected(error: ODataSyntaxError) -> str:
    """Return what would be valid at the position, in words; empty if the parser does not know."""
    words = error.expected
    if not words:
        return ""
    return f"expected {', '.join(words[:-1])}{' or ' if words[1:] else ''}{words[-1]}"


def encoding_hint(text: str, option: str) -> str:
    """Return a hint for delimiters in a decoded text: the URL was encoded twice, or too much.

    Texts in quotes may contain anything.

    >>> encoding_hint("state%20eq%201", "$filter")
    "the URL is percent-encoded twice; encode it once: '%20' became part of the text"
    >>> encoding_hint("a eq '%20'", "$filter")
    ''
    """
    bare = _QUOTED.sub("", text)
    twice = _ENCODED.search(bare)
    if twice:
        return (
            f"the URL is percent-encoded twice; encode it once: {twice[0]!r} became part of the"
            " text"
        )
    if option == "path" and "?" in bare:
        return "write the ? before the options itself, not as %3F"
    if option == "path" and "/" in bare and not bare.startswith("$filter("):
        return "write the / between segments itself, not as %2F"
    if bare.startswith("?"):
        return "only the first ? begins the options; write & between options"
    if _NEXT_OPTION.search(bare):
        return "write the & between options itself, not as %26"
    return ""


def _slash_hint(error: ODataSyntaxError) -> str:
    """Return the hint for a path that was split inside $filter(...) (URL Conventions 2.1)."""
    cut = error.text.startswith("$filter(") and error.text.count("(") > error.text.count(")")
    if error.option != "path" or not cut:
        return ""
    return "write a slash inside of $filter(...) as %2F, or the condition as $filter(@f)?@f=..."


def _caret(error: ODataSyntaxError) -> str:
    """Return the text around the position, and a caret below it."""
    return "\n".join(error.render().splitlines()[1:3])
