"""Questions to an unknown Analytics API, and what its answers prove."""
