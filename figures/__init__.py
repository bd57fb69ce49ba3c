"""Tables and pictures from result files: of the simulator, of a real backend, or side by side.

``figures`` knows the files that runs write (``result.json``) and nothing of the
programs that wrote them, so whatever writes the format can be drawn next to
anything else that does. One module for each concern:

================  ================================================================
``results``       reads result files; refuses what is none, with the remedy
``runs``          several of them side by side: letters, labels, what they share
``comparison``    what is compared: rows of cells and ratios, from which tables are made
``table``         the comparison for a terminal
``picture``       the comparison as a picture
``distribution``  latencies by percentile, from histogram buckets
``evaluation``    the paper's evaluation, run again and drawn
``style``         colours, lines and how a picture is written
``quantities``    numbers with units, as a person reads them
``cli``           ``python -m figures``
================  ================================================================

A further figure is a module that takes :class:`figures.runs.Run` objects and
returns a matplotlib ``Figure``, and a subcommand in ``cli``.
"""
