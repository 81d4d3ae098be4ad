"""A contract file in force, compared with what has been learnt of the API."""
