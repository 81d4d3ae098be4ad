"""Resource paths to canonical decoded text."""

from __future__ import annotations

from urllib.parse import quote

from grammar.tree.resource import ResourcePath, Segment
from grammar.write.expressions import expression_text, key_text

# Characters that RFC 3986 allows unencoded in a segment of a path.
_UNENCODED_IN_SEGMENT = "$@!&'()*+,;=:-._~"


def path_text(path: ResourcePath) -> str:
    """Return segments joined with slashes; only `encode_path` marks a slash inside a key."""
    text = ""
    for segment in path.segments:
        text += ("/" if text and segment.name else "") + segment_text(segment)
    return text


def encode_path(path: ResourcePath) -> str:
    """Return segments percent-encoded and joined with slashes, for a URL below the service root.

    >>> from grammar.parse.paths import parse_resource_path
    >>> encode_path(parse_resource_path(("Results('a/b')", "state")))
    "Results('a%2Fb')/state"
    """
    text = ""
    for segment in path.segments:
        text += "/" if text and segment.name else ""
        text += quote(segment_text(segment), safe=_UNENCODED_IN_SEGMENT)
    return text


def segment_text(segment: Segment) -> str:
    """Return one segment, decoded."""
    if segment.argument is not None:
        return f"{segment.name}({expression_text(segment.argument)})"
    if segment.names:
        return f"{segment.name}({','.join(segment.names)})"
    return segment.name if segment.key is None else f"{segment.name}({key_text(segment.key)})"
