"""Immutable extracts: made, found, kept, dropped."""
