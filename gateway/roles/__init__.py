"""What a principal may see, and everything that follows from it."""
