"""Inference from responses: decoded JSON -> its structure; no I/O, no values of people.

`envelope` finds the rows, `profile` collects sample rows, `columns` makes entries of a contract
file from them, and `expiry` reads the meaning of dates. `found` has the types of their results.
"""
