"""Planning: the part of a query that goes upstream, and the part that stays here."""
