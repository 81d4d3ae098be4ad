"""Raw URL -> `ODataRequest`: parsed by the grammar, no schema needed.

Here the grammar's exceptions become the service's (400), once and for all.
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
_OPTION_NAMES = [f.name for f in fields(QueryOptions) if f.name not in ("aliases", "custom", "id")]
_TEXTS = ("format", "id", "skiptoken", "deltatoken")


@dataclass(frozen=True, slots=True)
class ODataRequest:
    """A parsed URL. `pairs` are the decoded name-value pairs of the query, in order, for links.

    `by_id` tells that the URL was `$entity`, and `path` is what its `$id` says.
    """

    path: ResourcePath
    options: QueryOptions
    pairs: tuple[tuple[str, str], ...]
    by_id: bool = False


def parse_request(raw_path: bytes, raw_query: bytes, root: str = "") -> ODataRequest:
    """Parse path (below the service root) and query as they stood on the wire, undecoded.

    `root` is the service root, below which an absolute `$id` must lie. `/$query` at the end says
    that the query came as a body, which makes no difference here (URL Conventions 4.17).

    Raises:
        InvalidSyntax: with the position, a caret line and, for usual slips, a hint.
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
    """Without blanks at the ends of options that the grammar takes as texts."""
    texts = {name: getattr(options, name) for name in _TEXTS}
    return replace(options, **{name: t.strip() for name, t in texts.items() if t is not None})


def _without_query(path: ResourcePath) -> ResourcePath:
    posted = bool(path.segments) and path.segments[-1].name == "$query"
    return ResourcePath(path.segments[:-1]) if posted else path


def _dereferenced(request: ODataRequest, root: str) -> ODataRequest:
    """`$entity?$id=...` as if the entity's own URL had been asked (URL Conventions 4.3.4)."""
    if request.options.id is None:
        raise InvalidSyntax(
            "$entity needs the option $id, for example $entity?$id=Results('a')", target="$id"
        )
    referenced = below_root(request.options.id, root)
    if referenced is None:
        raise ResourceNotFound("$id: this leads to another service", target="$id")
    try:
        path = parse_resource_path(split_path(referenced.encode()))
    except ODataSyntaxError as error:
        raise InvalidSyntax(
            f"$id: {error.message}; its value is a URL, percent-encoded once more"
            " for standing in a URL",
            target="$id",
        ) from error
    segments = (*path.segments, *request.path.segments[1:])
    options = replace(request.options, id=None)
    return replace(request, path=ResourcePath(segments), options=options, by_id=True)


def _check_custom_names(options: QueryOptions) -> None:
    """Custom options are ignored, as proxies append theirs; but not what was meant as OData's own.

    Neither is the rest of an option that a bare `&` has cut in two. Protocol 6.1 lets a service
    refuse options that it does not understand.
    """
    for written, _ in options.custom:
        name = written.strip()
        if name and not _CUSTOM_NAME.fullmatch(name):
            raise UnknownOption(
                f"{name!r} stands behind a & that ended the option before it; inside an option"
                " write %26 for &, and `and` between conditions",
                target=name,
            )
        close = get_close_matches(name.lower(), _OPTION_NAMES, n=1, cutoff=0.85)
        if close:
            raise UnknownOption(
                f"{name} is no option of OData; did you mean ${close[0]}?", target=name
            )


def to_gateway_error(error: ODataSyntaxError) -> GatewayError:
    """The service's own words for what the grammar refuses."""
    family = UnknownOption if isinstance(error, UnknownOptionError) else InvalidSyntax
    where = f"{error.option}: " if error.option else ""
    at = f" at position {error.position + 1}" if error.text else ""
    hint = f"; {error.hint or _slash_hint(error)}".rstrip("; ")
    caret = (_caret(error),) if error.text else ()
    place = TextPosition(error.text, error.position) if error.text else None
    message = f"{where}{error.message}{at}{hint}"
    return family(message, target=error.option, details=caret, place=place)


def _slash_hint(error: ODataSyntaxError) -> str:
    """The path is cut at its slashes before anything else is read (URL Conventions 2.1)."""
    cut = error.text.startswith("$filter(") and error.text.count("(") > error.text.count(")")
    if error.option != "path" or not cut:
        return ""
    return "a slash inside of $filter(...) is written %2F, or the condition as $filter(@f)?@f=..."


def _caret(error: ODataSyntaxError) -> str:
    """The text around the position, and a caret below it."""
    return "\n".join(error.render().splitlines()[1:3])
