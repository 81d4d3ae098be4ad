"""The upstream as data."""
