"""The state that gateway processes share: leases on extracts, offers of snapshots, their files."""
