"""Finished snapshots: their tables, files and facts, and how long they are retained."""
