"""Exactly-once increments over HTTP, here and elsewhere: ``python -m benchmarks.peers``.

One run on one machine asks the same of everybody: add one to one of 1000 counters, exactly once
for each request id, and answer with the new count. What is compared, and what is not, is in
README.md beside this file.

========================  =================================================================
`contenders`              who is measured: how each is installed, started and asked
`services`                the counter as each of them wants it written; runs in its own
                          environment, so it imports nothing of ours
`counters`                the counter as our users write it
`load`                    the load generator, a process of its own
`observation`, `check`    what a run saw, and whether every increment happened exactly once
`measuring`, `report`     one contender from start to end; all of them, as a table
`install`, `processes`    environments of their own; children that do not outlive us
========================  =================================================================
"""
