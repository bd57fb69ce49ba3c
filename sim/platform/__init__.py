"""The modelled cluster: what lies between a client and the compiled code, in virtual time.

::

    client ──hop──▶ Router ──▶ Pod ──▶ Execution ──▶ StoreLink ──▶ SimStore
                   (queue)   (slots,       │
                              workers)     └──hop──▶ Router of the callee

Where there is a gateway (:mod:`~sim.platform.ingress`), it stands between client and router.

Everything stands on the :mod:`~sim.platform.fabric`: clock, processors, faults, and the ways of
messages. One class each: :mod:`~sim.platform.network` delivers messages,
:mod:`~sim.platform.exchange` is one call with its retries, :mod:`~sim.platform.router` queues
and scales, :mod:`~sim.platform.pod` computes and crashes (:mod:`core.turns` orders its
contenders, :mod:`~sim.platform.processors` has its workers and the machine's cores),
:mod:`~sim.platform.link` leads to the store, :mod:`~sim.platform.workers` recovers and forgets,
:mod:`~sim.platform.disruptions` kills and partitions, and :mod:`~sim.platform.cluster` puts
them together. Everything is callbacks on the SimPy clock (:mod:`~sim.platform.timers`).
"""
