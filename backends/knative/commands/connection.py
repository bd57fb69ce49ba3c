"""A connection to the cluster that the options choose."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from backends.knative.cluster.access import Choice, find_access
from backends.knative.cluster.api import Api
from backends.knative.cluster.objects import Objects

__all__ = ["connected"]


@contextmanager
def connected(
    options: argparse.Namespace, errors: Console, namespace: str = ""
) -> Iterator[Objects]:
    """The objects of the chosen namespace of the chosen cluster.

    :param namespace: where the options choose none.
    :raises ConfigurationError: there is no way to a cluster.
    """
    access = find_access(Choice(options.context, options.namespace or namespace))
    api = Api(access, lambda line: errors.print(line, markup=False, style="dim"))
    try:
        yield Objects(api)
    finally:
        api.close()
