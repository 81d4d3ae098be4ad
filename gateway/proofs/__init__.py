"""Proofs that the Analytics API does what its contract states; queries rely on nothing else."""
