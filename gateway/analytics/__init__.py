"""The client of the Analytics API; no other room calls it."""
