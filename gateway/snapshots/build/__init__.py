"""Snapshots while they are loaded: one extract for all callers that want it."""
