"""From a raw URL to a bound query."""
