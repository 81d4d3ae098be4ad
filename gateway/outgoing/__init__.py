"""How calls of the gateway leave: certificate authorities, and proxies."""
