"""Contract files that exist: their entries, the owner's changes, and edits of single entries."""
