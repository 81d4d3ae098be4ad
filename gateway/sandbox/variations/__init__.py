"""The sandbox as a family: the same rows behind APIs that differ as real ones do."""

from gateway.sandbox.variations.app import Variant, create_variant
from gateway.sandbox.variations.catalogue import VARIATIONS
from gateway.sandbox.variations.model import Variation, merge
from gateway.sandbox.variations.profiles import PROFILES, REASONS
from gateway.sandbox.variations.truth import truth

__all__ = [
    "PROFILES",
    "REASONS",
    "VARIATIONS",
    "Variant",
    "Variation",
    "create_variant",
    "merge",
    "truth",
]
