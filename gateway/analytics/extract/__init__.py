"""All rows of a pushdown as one consistent extract, read over many calls while the data moves."""
