"""What users write with, and the reference run that gives it meaning.

Users import these names from :mod:`compiler`. In a reference run they do what
they say at once, in plain Python; compiled code never calls them.
"""
