"""Probes of an unknown Analytics API, and what its responses prove."""
