"""The table of single variations: each differs from the assumed API in one thing."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.sandbox.variations.catalogue.doors import DOORS
from gateway.sandbox.variations.catalogue.pages import PAGES
from gateway.sandbox.variations.catalogue.people import PEOPLE
from gateway.sandbox.variations.catalogue.requests import REQUESTS
from gateway.sandbox.variations.catalogue.values import VALUES
from gateway.sandbox.variations.model import Variation

VARIATIONS: Mapping[str, Variation] = MappingProxyType(DOORS | PAGES | REQUESTS | PEOPLE | VALUES)

__all__ = ["VARIATIONS"]
