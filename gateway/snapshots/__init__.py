"""Immutable extracts of the upstream's rows: loaded, found, retained, evicted."""
