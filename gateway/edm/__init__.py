"""The published model."""
