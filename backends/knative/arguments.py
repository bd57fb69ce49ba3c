"""The commands and their options, with help that teaches."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from backends.knative.image import BUILDERS, Build
from core.protocol import OURS, PROTOCOLS

__all__ = ["make_parser"]

_BUILD = Build()

_DESCRIPTION = """\
An application on Knative, with FoundationDB as its store.
"""

_EXAMPLES = """\
examples:
  python -m backends.knative deploy apps/hotel --dry-run
      print the manifests; needs no cluster
  python -m backends.knative build apps/hotel --image registry.example/hotel:1 --push
  python -m backends.knative deploy apps/hotel --image registry.example/hotel:1 \\
          --cluster-file fdb.cluster
      apply them, wait until all is ready, and prune what is no longer part of it
  python -m backends.knative status apps/hotel
  python -m backends.knative invoke apps/hotel Frontend.book '"f1"' '"h1"'
  python -m backends.knative run scenarios/crash.yaml
      what is deployed with --record, under load and with pods deleted, checked
  python -m backends.knative logs apps/hotel --follow
  python -m backends.knative delete apps/hotel

The cluster is found as every Kubernetes tool finds it: KUBECONFIG, ~/.kube/config, or the
service account of the pod this runs in; --context and --namespace choose.

exit status:
  0  done, and ready
  1  the cluster refused, something is not ready, the method raised, or a check of `run` fails
  2  bad input, or no way to the cluster or its namespace: the message has the place and the remedy
  3  `run` cannot tell: a check could not be made, or a fault never struck

docs/knative.md has the rest.
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m backends.knative",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_build, _render, _deploy, _status, _resume, _invoke, _run, _logs, _delete):
        add(commands)
    return parser


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[:1].upper() + text[1:] + ".", allow_abbrev=False
    )
    return parser


def _of_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APP", help="the application, such as apps/hotel")


def _of_deployment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "application",
        metavar="APP",
        help="the application, such as apps/hotel; or the deployment's name",
    )


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--name", default="", metavar="NAME", help="the deployment's name (the application's)"
    )


def _build(commands: Any) -> None:
    parser = _command(commands, "build", "build the image that all pods of the application run")
    _of_sources(parser)
    add = parser.add_argument
    add(
        "--image",
        required=True,
        metavar="REF",
        help="its name, such as registry.example/hotel:1",
    )
    add("--push", action="store_true", help="push it to its registry")
    add("--builder", default="", choices=BUILDERS, help="what builds it (the first that works)")
    add("--base", default=_BUILD.base, metavar="REF", help="the base image (%(default)s)")
    add("--python", default=_BUILD.python, metavar="PATH", help="Python in it (%(default)s)")
    add(
        "--fdb-image",
        default=_BUILD.fdb_image,
        metavar="REF",
        help="the image with FoundationDB's client library (%(default)s)",
    )
    add(
        "--fdb-library",
        default=_BUILD.fdb_library,
        metavar="PATH",
        help="the library in that image (%(default)s)",
    )
    add(
        "--uid",
        type=_count,
        default=_BUILD.uid,
        metavar="N",
        help="the user it runs as, not 0 (%(default)s)",
    )
    add("--wheels", type=Path, metavar="DIR", help="install from these wheels, not from PyPI")
    add(
        "--requirements",
        type=Path,
        metavar="FILE",
        help="what the application imports beyond Python, for pip, with the files it includes",
    )
    add(
        "--extra",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a file that the application reads beside its modules; may be given again",
    )
    add(
        "--build-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="for the builder, such as --build-option=--isolation=chroot",
    )


def _render(commands: Any) -> None:
    parser = _command(commands, "render", "print the manifests as YAML; needs no cluster")
    _of_sources(parser)
    _name(parser)
    _settings(parser)
    parser.add_argument(
        "--namespace", "-n", default="", metavar="NS", help="the namespace (default)"
    )


def _deploy(commands: Any) -> None:
    parser = _command(
        commands, "deploy", "apply the manifests, wait until all is ready, prune what is left over"
    )
    _of_sources(parser)
    _name(parser)
    _settings(parser)
    _cluster(parser)
    parser.add_argument(
        "--dry-run",
        nargs="?",
        const="client",
        default="",
        choices=["client", "server"],
        help="change nothing: 'client' (the default of the option) prints the manifests and needs "
        "no cluster; 'server' has the cluster check them and lists what would change",
    )
    parser.add_argument(
        "--force-conflicts",
        action="store_true",
        help="take over fields that other field managers own, and objects that others made",
    )
    parser.add_argument(
        "--create-store",
        nargs="?",
        const="small",
        choices=["small", "default"],
        help="have FoundationDB's operator make a cluster for it: small (one of everything, for "
        "a try-out), or with the operator's defaults",
    )
    parser.add_argument(
        "--create-namespace", action="store_true", help="make the namespace if it is not there"
    )
    parser.add_argument("--no-prune", action="store_true", help="keep what is no longer rendered")
    _waiting(parser, "until all is ready")


def _status(commands: Any) -> None:
    parser = _command(commands, "status", "show what is deployed and how it is")
    _of_deployment(parser)
    _name(parser)
    _gateway(parser)
    _cluster(parser)
    _output(parser)


def _resume(commands: Any) -> None:
    parser = _command(
        commands, "resume", "take up again what was set aside, once the code is mended"
    )
    _of_deployment(parser)
    parser.add_argument("ids", metavar="ID", nargs="*", help="the requests, as status lists them")
    parser.add_argument("--all", action="store_true", help="all of them")
    _name(parser)
    _gateway(parser)
    _cluster(parser)


def _invoke(commands: Any) -> None:
    parser = _command(
        commands, "invoke", "call a method of the deployed application through its gateway"
    )
    _of_deployment(parser)
    parser.add_argument(
        "method", metavar="SERVICE.METHOD", help="the method, such as Frontend.book"
    )
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="ARG",
        help="JSON, in order, or name=JSON; what is no JSON is a string",
    )
    _name(parser)
    _gateway(parser)
    parser.add_argument(
        "--key",
        default="",
        metavar="KEY",
        help="the Idempotency-Key of an earlier call whose answer is not known",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=60.0,
        metavar="S",
        help="seconds after which to give up (%(default)g)",
    )
    _cluster(parser)


def _run(commands: Any) -> None:
    parser = _command(
        commands,
        "run",
        "run a scenario against the deployed application, with pods deleted, and check it",
    )
    add = parser.add_argument
    add("scenario", metavar="SCENARIO", help="the scenario file, such as scenarios/crash.yaml")
    add("--app", default="", metavar="APP", help="the application, in place of the scenario's own")
    _name(parser)
    add("--seed", type=_count, metavar="N", help="the seed, in place of the scenario's own")
    _gateway(parser)
    add("--out", type=Path, metavar="DIR", help="write result.json and history.jsonl to DIR")
    add(
        "--protocol",
        choices=list(PROTOCOLS),
        default="",
        metavar="NAME",
        help="refuse if another one decides there (whatever was deployed)",
    )
    add("--unchecked", action="store_true", help="measure only: make no checks, keep no history")
    add("--quiet", action="store_true", help="show no progress")
    _cluster(parser)


def _logs(commands: Any) -> None:
    parser = _command(commands, "logs", "print the log lines of the application's pods")
    _of_deployment(parser)
    _name(parser)
    parser.add_argument("--follow", "-f", action="store_true", help="go on as they come")
    parser.add_argument(
        "--service",
        default="",
        metavar="NAME",
        help="of one service only, or of gateway or upkeep",
    )
    parser.add_argument(
        "--since", type=_since, default=0, metavar="TIME", help="no older, such as 90s, 5m, 2h"
    )
    parser.add_argument("--tail", type=_count, default=-1, metavar="N", help="the last N lines")
    parser.add_argument(
        "--previous", "-p", action="store_true", help="of the run before the last restart"
    )
    _cluster(parser)


def _delete(commands: Any) -> None:
    parser = _command(
        commands, "delete", "delete everything that was deployed; the data in FoundationDB stays"
    )
    _of_deployment(parser)
    _name(parser)
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")
    _cluster(parser)
    _waiting(parser, "until all is gone")


def _settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to deploy")
    add = group.add_argument
    add("--image", default="", metavar="REF", help="the image, a digest or a tag that stays")
    add("--settings", default="", metavar="FILE", help="YAML with more settings: docs/knative.md")
    add(
        "--cluster-file",
        default="",
        metavar="FILE",
        help="FoundationDB's cluster file (FDB_CLUSTER_FILE, or what was deployed before)",
    )
    add(
        "--cluster-config-map",
        default="",
        metavar="NAME",
        help="a ConfigMap that holds the cluster file under cluster-file",
    )
    add(
        "--wire-key-file",
        default="",
        metavar="FILE",
        help="the key between services (what was deployed before, or a new one)",
    )
    add(
        "--protocol",
        default="",
        metavar="NAME",
        help=f"what decides, for measurements ({OURS}): {', '.join(PROTOCOLS)}",
    )
    add(
        "--record",
        action="store_true",
        help="keep a log of commits, which `run` checks; costs, and is not for production",
    )


def _gateway(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where the gateway is")
    add = group.add_argument
    add("--url", default="", help="its address, as http://host:port (the cluster's answer)")
    add(
        "--host",
        default="",
        metavar="NAME",
        help="the gateway's name, if --url is the address of an ingress and not its own",
    )


def _cluster(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which cluster")
    add = group.add_argument
    add("--context", default="", metavar="NAME", help="the kubeconfig's context (the current one)")
    add("--namespace", "-n", default="", metavar="NS", help="the namespace (the context's)")


def _waiting(parser: argparse.ArgumentParser, until: str) -> None:
    parser.add_argument("--no-wait", action="store_true", help=f"do not wait {until}")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=300.0,
        metavar="S",
        help=f"seconds to wait {until} (%(default)g)",
    )


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        "-o",
        choices=["table", "json"],
        default="table",
        help="how to print (%(default)s)",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value


def _since(text: str) -> int:
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:], 0)
    number = text[:-1] if factor else text
    if not number.isascii() or not number.isdigit() or int(number) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 5m, 2h or 1d")
    return int(number) * (factor or 1)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
