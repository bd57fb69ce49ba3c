"""The protocol of the paper, as its prototype has it: the baseline beside :mod:`core.attempt`.

:func:`popl23` makes what has the shape of :func:`core.attempt.attempt` and asks its host for the
same effects, so every host and every store runs it. What it does:

* Every access to a field is a store transaction of its own. With the log (``log``) it first looks
  for the record of its step; if that is there, it is the answer, and nothing else is done; if not,
  the access is done and recorded in the same store transaction.
* A field is one object, whole; with the optimized dictionary (``buckets``) a dict is 1,024 of them.
* In a transaction (``transactions``) an access takes the lock of its object or aborts at once, and
  what is written goes to shadow copies. The transaction is tried again at once, until it commits.
  Commit applies the copies and releases the locks of one service, in one store transaction; the
  callees are told to do the same by messages for which nobody waits.
* Clock and chance are not logged, and nothing asks again for what got no answer.

``docs/protocol.md`` says what that promises, and where it breaks.

==============  ==================================================================
module          what it knows
==============  ==================================================================
``switches``    the three switches, and the names of what they make
``objects``     what is one object, and running a field's own code on it
``log``         the record of a step
``part``        what a transaction holds in one service: locks, copies, callees
``access``      one access, as one store transaction
``operations``  an operation on a field, as accesses
``execution``   one execution of a request
``readable``    the data, out of the objects
==============  ==================================================================
"""
