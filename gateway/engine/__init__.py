"""Bound queries on DuckDB."""
