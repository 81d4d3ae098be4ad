"""Descriptions that an API serves of itself."""

from starlette.routing import Route

from gateway.sandbox.records import Row
from gateway.sandbox.variations.model import Variation


def describe_routes(variation: Variation, rows: list[Row]) -> list[Route]:
    """Return the routes of the description, none without one."""
    return []
