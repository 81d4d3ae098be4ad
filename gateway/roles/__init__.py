"""The limits of a principal: visible rows and columns, and everything that follows from them."""
