"""Discovery of an unknown Analytics API, and checks of a contract file against it."""
