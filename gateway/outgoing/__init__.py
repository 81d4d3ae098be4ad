"""Settings of outgoing calls: certificate authorities and proxies."""
