"""Extracts that load: one run for all its callers, its draft, and the limit on runs."""
