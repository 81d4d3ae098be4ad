"""Binders: from the syntax tree and the schema to the bound query."""
