"""The platform of the published points, as a profile of the simulator: checked and fitted.

================  ================================================================
``parameters``    what is fitted, in which bounds, and the profile's file
``simulators``    many short runs in few processes
``curves``        published curves beside simulated ones, and how far they are apart
``fit``           the search, and how well it predicts a curve that it has not seen
``command``       ``python -m figures calibrate``
================  ================================================================
"""
