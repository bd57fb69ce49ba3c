"""The paper's evaluation, run again and drawn: from scenarios to pictures.

Every point is a scenario file of its own and a command that runs it, whichever backend does; what
it measured is read from the result that the command wrote. So a point can be run again by hand, a
run that broke off goes on where it was, and results of a real backend are drawn as well.

================  ================================================================
``benchmarks``    what is measured: applications, calls, rates; which lines a figure has
``ways``          how a line is asked at a point: a rate, one client, many
``points``        one point: its scenario, its command, what came out
``sweeps``        what is measured of one line: single points, and rising rates
``running``       many lines at once, each in a process of its own, with progress
``warm``          commands in a process that has imported their package already
``published``     the points that the paper's authors published
``series``        a figure's numbers: lines of points, as CSV
``curves``        throughput against latency, drawn
``looks``         how figures look
``contention``    figure 12: goodput and aborts under contention
``costs``         figure 13: what a request costs at the store
``breakdown``     figure 14: where the time of a request goes
``recovery``      figure 15: throughput and latency while pods die
``safety``        figure 16: the price of safety
``made``          what a figure is: what it wants measured, and what it makes of it
``pictures``      the figures, by number
``command``       ``python -m figures``: measures and draws
``artifact``      ``python -m figures eval``: measures and tells
``peaks``         ``python -m figures peaks``: a table of what each protocol can do
``claims``        ``python -m figures claims``: the published numbers beside ours
================  ================================================================
"""
