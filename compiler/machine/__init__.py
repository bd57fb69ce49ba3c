"""What code asks the machine for, clock and chance, wherever it is asked: in libraries, too.

What a library reads inside is an input of the request like any other, so it takes the same way.
The functions of Python that read the clock or the system's chance have substitutes
(:mod:`compiler.machine.substitutes`), installed once for each process
(:mod:`compiler.machine.installing`). While a method runs, a substitute asks the method's reader
(:mod:`compiler.machine.reading`): for a compiled one that is its execution, which stands still
inside the library and asks the executor for the very effect that ``time.time()`` in the method's
own code is (:mod:`compiler.machine.execution`); for a plain one it is the reference run. So
readings are in the journal, in their order, and the executor knows nothing of it. Outside of
methods a substitute is the function in whose place it stands.
"""
