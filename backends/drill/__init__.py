"""A drill: a scenario for real, its load and its faults on nodes that run.

Nothing is judged here. What clients, nodes and the store were seen to do becomes the same
history that the simulator makes (:mod:`experiment.record.history`), and the same checks read it.

===============  ========================================================================
module           is about
===============  ========================================================================
`shared`         memory that nodes and the runner share, and that no kill takes away
`injection`      which fault strikes where, in a node
`recording`      nodes that record what they read and commit
`watching`       nodes that also pass crash points and meet faults
`clients`        the load: requests by the clock, retries, results
`disruptions`    faults that come by the clock: kills and partitions
`course`         a drill from its start to what is left of it
`collect`        from what was recorded to a :class:`experiment.record.run.Run`
`order`          one total order where the store's versions tie
===============  ========================================================================
"""
