"""Resource paths -> canonical decoded text."""

from __future__ import annotations

from grammar.resource import ResourcePath, Segment
from grammar.unparse_expression import expression_text, key_text


def path_text(path: ResourcePath) -> str:
    """Segments joined with slashes; a slash inside a key is not told apart, see `encode_path`."""
    text = ""
    for segment in path.segments:
        text += ("/" if text and segment.name else "") + segment_text(segment)
    return text


def segment_text(segment: Segment) -> str:
    """One segment, decoded."""
    if segment.argument is not None:
        return f"{segment.name}({expression_text(segment.argument)})"
    if segment.names:
        return f"{segment.name}({','.join(segment.names)})"
    return segment.name if segment.key is None else f"{segment.name}({key_text(segment.key)})"
