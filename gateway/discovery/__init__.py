"""Probes of the live Analytics API: its custom fields, and its fit with the contract file."""
