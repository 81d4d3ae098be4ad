"""Which members each row of an answer has; decided by the writer, rendered by the engine."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.edm.model import Property


@dataclass(frozen=True, slots=True)
class Projection:
    """The members of each row, in order.

    `constants` are control information that is the same in every row, as (name, text), and come
    first. `id_member` names the member that holds the entity's URL, empty for none; the URL is
    `id_prefix` + the percent-encoded key + `')`. `type_suffix` is the annotation that tells a
    property's type where JSON does not, e.g. `@odata.type`; empty for none. `int64_as_text` is for
    readers whose numbers are Doubles (IEEE754Compatible, JSON Format 3.2).
    """

    properties: tuple[Property, ...]
    key: str
    constants: tuple[tuple[str, str], ...] = ()
    id_member: str = ""
    id_prefix: str = ""
    type_suffix: str = ""
    int64_as_text: bool = False
