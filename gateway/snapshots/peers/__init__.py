"""What gateway processes share: leases on extracts, offers of snapshots, and their files."""
