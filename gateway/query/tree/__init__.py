"""The bound query as frozen values: expressions, queries and transformations."""
