"""What the Analytics API has been proved to do; queries rely on nothing else."""
