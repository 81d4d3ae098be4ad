"""Claims about the API from the vendor or the owner, which probes then test."""
