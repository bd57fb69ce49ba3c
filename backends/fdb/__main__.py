"""``python -m backends.fdb``: look into an application's part of a cluster, or remove it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from backends.fdb.settings import Settings
from backends.fdb.store import FdbStore
from backends.runtime.dump import dump
from command_line import BAD_INPUT, confirmed, ended
from core.errors import MuError, StoreError

__all__ = ["main"]

_DESCRIPTION = "Look into an application's part of a FoundationDB cluster, or remove it."

_EXAMPLES = """\
examples:
  python -m backends.fdb dump hotel Hotel.rooms
      every entry of one field, a line of JSON each
  python -m backends.fdb erase hotel -C fdb.cluster
      remove all that the application keeps in this cluster
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options), _complain)


def _run(options: argparse.Namespace) -> int:
    try:
        asyncio.run(_dump(options) if options.command == "dump" else _erase(options))
    except (MuError, StoreError) as error:
        _complain(f"error: {error}")
        return BAD_INPUT
    return 0


async def _opened(options: argparse.Namespace) -> FdbStore:
    store = FdbStore.open(
        Settings(application=options.application, cluster_file=options.cluster_file)
    )
    await store.check()
    return store


async def _dump(options: argparse.Namespace) -> None:
    store = await _opened(options)
    try:
        async for line in dump(store, options.field):
            sys.stdout.write(f"{line}\n")
    finally:
        await store.close()


async def _erase(options: argparse.Namespace) -> None:
    store = await _opened(options)
    try:
        name = options.application
        if not options.yes and not confirmed(f"All data of '{name}' in the cluster", "erase"):
            raise MuError("nothing was erased: answer 'erase', or give --yes")
        await store.erase()
        sys.stdout.write(f"erased the namespace '{name}'\n")
    finally:
        await store.close()


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m backends.fdb",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    show = commands.add_parser("dump", help="print the data as lines of JSON")
    remove = commands.add_parser("erase", help="remove the data, and what is remembered")
    for each in (show, remove):
        each.add_argument("application", metavar="APP", help="its name, such as hotel")
        each.add_argument("-C", dest="cluster_file", metavar="FILE", help="the cluster file")
    show.add_argument("field", metavar="Service.field", nargs="?", default="", help="only this")
    remove.add_argument("--yes", action="store_true", help="without asking")
    return parser


if __name__ == "__main__":
    sys.exit(main())
