"""A scenario for real: the simulator's load, faults and checks on nodes that run.

Nothing is judged here. What clients, nodes and the store were seen to do becomes the same
history that the simulator makes (:mod:`sim.history`), and the same checks read it.

===============  ========================================================================
module           is about
===============  ========================================================================
`shared`         memory that nodes and the runner share, and that no kill takes away
`injection`      which fault strikes where, in a node
`recording`      nodes that record what they read and commit
`watching`       nodes that also pass crash points and meet faults
`clients`        the load: requests by the clock, retries, results
`disruptions`    faults that come by the clock: kills and partitions
`course`         an experiment from its start to what is left of it
`collect`        from what was recorded to a :class:`sim.run.Run`
`order`          one total order where the store's versions tie
===============  ========================================================================
"""
