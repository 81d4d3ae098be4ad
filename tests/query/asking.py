"""Questions to the binder, written as people write URLs."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.model import Schema
from gateway.errors import GatewayError
from gateway.query.bind.query import bind
from gateway.query.request import parse_request
from gateway.query.tree.queries import BoundQuery
from gateway.query.tree.render import render_expr

SCHEMA = load_contract(built_in_contract(), (("department", "cf_department"),)).schema


def bound(query: str, path: str = "Results", schema: Schema = SCHEMA) -> BoundQuery:
    """The bound query; option values are percent-encoded here, the path is sent as written."""
    found = bind(parse_request(path.encode(), encoded(query)), schema)
    assert isinstance(found, BoundQuery)
    return found


def filtered(text: str, schema: Schema = SCHEMA) -> str:
    """The bound $filter as text."""
    found = bound(f"$filter={text}", schema=schema).filter
    assert found is not None
    return render_expr(found)


def refusal(query: str, path: str = "Results", schema: Schema = SCHEMA) -> GatewayError:
    """The error that a question is refused with."""
    with pytest.raises(GatewayError) as raised:
        bind(parse_request(path.encode(), encoded(query)), schema)
    return raised.value


def encoded(query: str) -> bytes:
    """The query with its values percent-encoded."""
    pairs = (option.partition("=") for option in re.split(r"&(?=[$@]?\w+=)", query) if option)
    return "&".join(f"{name}={quote(value)}" for name, _, value in pairs).encode()
