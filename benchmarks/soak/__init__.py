"""Fifty BI clients for ten minutes, every answer checked: `make soak`.

Two gateways that share what they read stand over a sandbox whose rows change and which fails now
and then. `world` runs them and watches their memory and event loops, `clients` are who asks,
`truth` is what must be true of answers whatever has changed, `ledger` is what was seen.
"""
