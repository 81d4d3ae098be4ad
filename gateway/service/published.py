"""The published schema: the model, the announced abilities, and the version of both.

The version is a digest of the document, so all replicas agree on it without a word, it survives
restarts, and it says no more about hidden columns than the document itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from gateway.contract.model import Contract
from gateway.edm.capabilities import CAPABILITIES
from gateway.edm.csdl_json import render_csdl_json
from gateway.edm.model import Schema
from gateway.query.bind.apply import TRANSFORMATIONS
from gateway.query.bind.expand import MAX_DEPTH
from gateway.query.bind.functions import FILTER_FUNCTIONS

ANNOUNCED = replace(
    CAPABILITIES,
    expand_levels=MAX_DEPTH,
    filter_functions=FILTER_FUNCTIONS,
    transformations=TRANSFORMATIONS,
)
_CHARACTERS = 16


def versioned(contract: Contract) -> Contract:
    """Return the contract with the version of its schema."""
    schema = contract.schema
    return replace(contract, schema=replace(schema, version=version_of(schema)))


def version_of(schema: Schema) -> str:
    """Return the version of a schema, whether or not it has one already."""
    document = render_csdl_json(replace(schema, version=""), "4.01", ANNOUNCED)
    return hashlib.sha256(document).hexdigest()[:_CHARACTERS]
