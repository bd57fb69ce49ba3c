"""The commands ``deploy`` and ``delete``."""

from __future__ import annotations

import argparse
import sys

import msgspec
from rich.console import Console

from backends.knative.choices import choose_settings, instance_name
from backends.knative.cluster.apply import carry_out, prune
from backends.knative.cluster.create_store import connection_string, store_manifest
from backends.knative.cluster.errors import InputError, NamespaceMissing, NotReady
from backends.knative.cluster.kinds import Kind, describe
from backends.knative.cluster.objects import Objects
from backends.knative.cluster.plan import Change, check_cluster, rehearse, to_prune
from backends.knative.cluster.readiness import Readiness
from backends.knative.cluster.removal import deployed, remove
from backends.knative.cluster.secrets import check_wire_key, keep_secrets
from backends.knative.cluster.status import gateway_url
from backends.knative.cluster.wait import Waiting, wait_until_ready
from backends.knative.commands.connection import connected
from backends.knative.names import Names, selector
from backends.knative.render import render
from backends.knative.reporting import Readying, summary
from backends.knative.settings import Settings
from compiler.application import Application, load

__all__ = ["delete", "deploy"]

_FAILED = 1


def deploy(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Apply the manifests, wait, prune.

    :raises MuError: bad input, or the cluster refuses, or something is not ready.
    """
    application = load(options.application)
    settings = choose_settings(options, application, default_namespace="")
    with connected(options, errors, settings.namespace, there=False) as objects:
        settings = msgspec.structs.replace(settings, namespace=objects.namespace)
        return _Deployment(options, application, settings, objects, console, errors).run()


class _Deployment:
    def __init__(
        self,
        options: argparse.Namespace,
        application: Application,
        settings: Settings,
        objects: Objects,
        console: Console,
        errors: Console,
    ) -> None:
        self._options = options
        self._application = application
        self._settings = settings
        self._objects = objects
        self._console = console
        self._errors = errors
        self._names = Names(application, settings)

    def run(self) -> int:
        if not self._namespace_is_there():
            return 0
        if not self._store_is_there():
            return 0
        settings = keep_secrets(self._objects, self._names, self._settings)
        rendered = render(self._application, settings)
        changes = rehearse(self._objects, rendered, self._options.force_conflicts)
        pruned = self._to_prune(rendered)
        if self._options.dry_run:
            self._list([*changes, *pruned], " (dry run)")
            return 0
        done = []
        for change in carry_out(self._objects, changes, self._options.force_conflicts):
            self._list([change])
            done.append(change)
        check_wire_key(self._objects, self._names, settings)
        self._wait(done, len(pruned))
        for change in prune(self._objects, pruned):
            self._list([change])
            done.append(change)
        self._conclude(done)
        return 0

    def _namespace_is_there(self) -> bool:
        """Whether the namespace is there, made if need be; not in a dry run, which says so.

        :raises NamespaceMissing: it is not, and is not to be made.
        """
        try:
            check_cluster(self._objects)
        except NamespaceMissing:
            if not self._options.create_namespace:
                raise
            name = self._objects.namespace
            if self._options.dry_run:
                self._console.print(f"namespace {name} created (dry run)", markup=False)
                self._errors.print("What goes into it can be checked once it is there.")
                return False
            self._objects.create_namespace()
            self._console.print(f"namespace {name} created", markup=False)
            check_cluster(self._objects)
        return True

    def _store_is_there(self) -> bool:
        """Whether there is a store to name, made if it is to be; not in a dry run, which says so.

        :raises InputError: one is to be made, and another one is named.
        :raises NotReady: the store does not answer in time.
        """
        profile = self._options.create_store
        if profile is None:
            return True
        if self._settings.cluster_file is not None or self._settings.cluster_config_map:
            raise InputError(
                "--create-store makes a FoundationDB cluster, and --cluster-file (or "
                "FDB_CLUSTER_FILE, or --cluster-config-map) names another: give one of them"
            )
        manifest = store_manifest(self._names, profile)
        changes = rehearse(self._objects, [manifest], self._options.force_conflicts)
        if self._options.dry_run:
            self._list(changes, " (dry run)")
            self._errors.print("What needs its address can be checked once it is there.")
            return False
        self._list(list(carry_out(self._objects, changes, self._options.force_conflicts)))
        with Readying(self._errors) as readying:

            def told(kind: Kind, name: str, found: Readiness) -> None:
                readying.told(describe(kind, name), found.state, found.why)

            waiting = Waiting(self._options.timeout)
            content = connection_string(self._objects, self._names, manifest, waiting, told)
        self._settings = msgspec.structs.replace(self._settings, cluster_file=content)
        return True

    def _to_prune(self, rendered: list[dict[str, object]]) -> list[Change]:
        if self._options.no_prune:
            return []
        return to_prune(self._objects, self._names.instance, rendered)

    def _list(self, changes: list[Change], suffix: str = "") -> None:
        for change in changes:
            self._console.print(f"{change} {change.action}{suffix}", markup=False)

    def _wait(self, done: list[Change], to_prune: int) -> None:
        if self._options.no_wait:
            return
        with Readying(self._errors) as readying:

            def told(kind: Kind, name: str, found: Readiness) -> None:
                readying.told(describe(kind, name), found.state, found.why)

            try:
                wait_until_ready(
                    self._objects,
                    selector(self._names.instance),
                    [(change.kind, change.name) for change in done],
                    Waiting(self._options.timeout),
                    told,
                )
            except NotReady as error:
                rest = f"; {to_prune} objects are not pruned" if to_prune else ""
                raise NotReady(
                    f"{error}\nApplied, but not ready{rest}. Deploy again once it is mended; "
                    f"until then, what was ready before goes on."
                ) from None

    def _conclude(self, done: list[Change]) -> None:
        name = self._names.instance
        self._console.print(f"{name}: {summary([each.action for each in done])}", markup=False)
        url = gateway_url(self._objects, name)
        if url:
            self._console.print(f"{name} answers at {url}", markup=False)


def delete(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Delete all that was deployed.

    :raises MuError: bad input, or the cluster refuses, or something is not gone in time.
    """
    instance = instance_name(options.application, options.name)
    with connected(options, errors) as objects:
        changes = deployed(objects, instance)
        if not changes:
            console.print(
                f"nothing of {instance} is in namespace {objects.namespace}", markup=False
            )
            return 0
        if not options.yes and not _confirmed(instance, objects, changes, errors):
            return _FAILED
        waiting = None if options.no_wait else Waiting(options.timeout)
        for change in remove(objects, instance, changes, waiting):
            console.print(f"{change} deleted", markup=False)
    console.print(
        "The application's data stays in FoundationDB; docs/fdb.md says how to clear it. The "
        "namespace, the image, and Secrets that were not made by deploy stay as well.",
        markup=False,
        style="dim",
    )
    return 0


def _confirmed(instance: str, objects: Objects, changes: list[Change], errors: Console) -> bool:
    for change in changes:
        errors.print(f"  {change}", markup=False)
    question = f"Delete these from namespace {objects.namespace}? Type {instance} to confirm: "
    if not sys.stdin.isatty():
        errors.print(f"{question}nobody is there to ask; give --yes", markup=False)
        return False
    errors.print(question, end="", markup=False)
    if sys.stdin.readline().strip() == instance:
        return True
    errors.print("nothing is deleted")
    return False
