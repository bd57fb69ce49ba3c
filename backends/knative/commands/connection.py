"""A connection to the cluster that the options choose, and the gateway in it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from backends.knative.choices import namespace_name
from backends.knative.cluster.access import Choice, find_access
from backends.knative.cluster.api import Api
from backends.knative.cluster.errors import NotReady
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.plan import check_namespace
from backends.knative.cluster.status import gateway_url

__all__ = ["connected", "find_gateway"]


@contextmanager
def connected(
    options: argparse.Namespace, errors: Console, namespace: str = "", there: bool = True
) -> Iterator[Objects]:
    """The objects of the chosen namespace of the chosen cluster.

    :param namespace: where the options choose none.
    :param there: see that there is such a namespace.
    :raises ChoiceProblem: there can be no namespace of that name.
    :raises ConfigurationError: there is no way to a cluster.
    :raises ClusterError: nor to its namespace.
    """
    chosen = namespace_name(options.namespace) or namespace
    access = find_access(Choice(options.context, chosen))
    api = Api(access, lambda line: errors.print(line, markup=False, style="dim"))
    try:
        objects = Objects(api)
        if there:
            check_namespace(objects)
        yield objects
    finally:
        api.close()


def find_gateway(objects: Objects, instance: str) -> str:
    """The address of a deployment's gateway, as the cluster has it.

    :raises NotReady: there is none.
    :raises ClusterError: the cluster cannot be asked.
    """
    url = gateway_url(objects, instance)
    if not url:
        raise NotReady(
            f"{instance} has no gateway with an address in namespace {objects.namespace}: see "
            f"python -m backends.knative status {instance}, deploy it, or give its address with "
            "--url"
        )
    return url
