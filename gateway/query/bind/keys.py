"""Keys in URLs (URL Conventions 4.3.1): reading and writing the part in parentheses."""

from __future__ import annotations

from gateway.edm.model import EntitySet, Property
from gateway.edm.types import PrimitiveType
from gateway.errors import GatewayError, InvalidValue
from gateway.query.bind.literals import bind_literal
from gateway.query.tree.expressions import Constant
from grammar import Alias, Expr, KeyPredicate, Literal, LiteralKind, ODataSyntaxError, parse_value

_WRITTEN = {PrimitiveType.STRING: "'...'", PrimitiveType.GUID: "00000000-..."}


def read_key(
    key: KeyPredicate, entity_set: EntitySet, aliases: tuple[tuple[str, Expr], ...]
) -> tuple[Constant, ...]:
    """Return the values of the key, in the order of the entity type's.

    A single value needs no name, and a Guid may be in quotes: Power Query writes it so.

    Raises:
        InvalidValue: not a key of this set, or a value of the wrong type.
    """
    properties = entity_set.entity_type.key_properties
    given = dict(key.values)
    if len(properties) == 1 and set(given) == {""}:
        given = {properties[0].name: given[""]}
    if set(given) != {prop.name for prop in properties} or len(key.values) != len(properties):
        raise _wrong_key(entity_set)
    return tuple(_value(given[prop.name], prop, entity_set, dict(aliases)) for prop in properties)


def _value(expr: Expr, prop: Property, entity_set: EntitySet, aliases: dict[str, Expr]) -> Constant:
    if isinstance(expr, Alias):
        expr = aliases.get(expr.name, Literal(LiteralKind.NULL, None))
    if not isinstance(expr, Literal):
        raise _wrong_key(entity_set)
    try:
        if prop.type is PrimitiveType.GUID and expr.kind is LiteralKind.STRING:
            expr = parse_value(str(expr.value), prop.type)
        found = bind_literal(expr, entity_set.name)
    except (GatewayError, ODataSyntaxError) as error:
        raise _wrong_key(entity_set) from error
    if found.type is not prop.type:
        raise _wrong_key(entity_set)
    return found


def write_key(key: tuple[Constant, ...], entity_set: EntitySet) -> str:
    """Return the key as context URLs write it, not percent-encoded.

    >>> from gateway.edm.model import EntityType
    >>> name = Property("id", PrimitiveType.STRING)
    >>> things = EntitySet("Things", EntityType("Thing", ("id",), (name,)))
    >>> write_key((Constant("it's", PrimitiveType.STRING),), things)
    "'it''s'"
    """
    names = entity_set.entity_type.key
    values = [_literal(constant.value) for constant in key]
    if len(values) == 1:
        return values[0]
    return ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def _literal(value: object) -> str:
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'" if isinstance(value, str) else str(value)


def key_example(entity_set: EntitySet) -> str:
    """Return an example of an entity's URL, for messages."""
    properties = entity_set.entity_type.key_properties
    values = [_WRITTEN[prop.type] for prop in properties]
    if len(values) > 1:
        names = entity_set.entity_type.key
        values = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
    return f"{entity_set.name}({','.join(values)})"


def _wrong_key(entity_set: EntitySet) -> InvalidValue:
    parts = " and ".join(
        f"{prop.name}, {'a text' if prop.type is PrimitiveType.STRING else 'a Guid'}"
        for prop in entity_set.entity_type.key_properties
    )
    return InvalidValue(
        f"{entity_set.name} has the key {parts}; write {key_example(entity_set)}",
        target=entity_set.name,
    )
