"""Fifty BI clients for ten minutes, every response checked: `make soak`.

Two gateways that share snapshots read a sandbox whose rows change and which fails now and then.
`world` runs them and watches their memory and event loops, `clients` sends the requests, `truth`
checks what must hold for every response, `ledger` records the findings.
"""
