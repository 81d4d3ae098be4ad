"""Speaks to the Analytics API; nothing else does."""
