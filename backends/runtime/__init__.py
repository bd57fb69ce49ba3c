"""What runs a compiled application for real, whatever the platform below it.

A *node* is one process: a service's worker, the gateway, or upkeep. Every node drives
generators of host effects (:mod:`core.ports`) with a store and a caller, and decides nothing.

==========  ==========================================================================
module      is about
==========  ==========================================================================
`store`     the Store port, awaited
`snapshot`  whole stores: everything at one version, and the state a store begins with
`wire`      envelopes between nodes: sealed, opened, refused
`http`      the one place that knows the HTTP library
`caller`    a call to another node: connection, retries under the same id, deadlines
`host`      the effects of an attempt, performed in asyncio
`worker`    a service's node: envelopes in, replies out
`public`    the gateway's node: JSON, OpenAPI, pages, problems
`invoke`    a call through the gateway, as a person makes it
`upkeep`    recovery, retention, and the clearing of completed intents
`clock`     when the wall clock is believed by those who forget
`tally`     what was forgotten, counted
`watch`     what a scenario sees of a node, and where its faults strike
`node`      what a node is made of, and its life from start to drain
==========  ==========================================================================
"""
