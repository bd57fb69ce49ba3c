"""What strangers' bytes cost: ``python -m benchmarks.hostile``.

Every parser that meets bytes of strangers gets inputs made to be expensive, of three sizes. Where
cost is linear in size, four times the bytes take four times as long; the last column is the
exponent, 1 for linear and 2 for quadratic. What a parser refuses early costs less.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import msgspec
from multidict import CIMultiDict
from rich.console import Console
from rich.table import Table

from backends.runtime.http.messages import by_lower_case
from backends.runtime.public.keys import Keys
from backends.runtime.public.members import strict_decoder
from backends.runtime.public.problems import Refusal
from backends.runtime.public.results import json_bytes
from backends.runtime.public.strict_json import check_json
from backends.runtime.settings import Settings
from backends.runtime.wire import Wire
from core.codec import Codec
from core.errors import MuError
from core.memory import MemoryStore
from experiment.scenario.source import Source

__all__ = ["main"]

_SIZES = (16_000, 64_000, 256_000)
_REFUSED = (MuError, Refusal, msgspec.MsgspecError, ValueError, ArithmeticError)


@dataclass
class _Tree:
    kids: dict[str, _Tree] | list[_Tree] | None = None
    name: str | int | None = None
    more: list[_Tree] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of input: who reads it, and how one of about ``size`` bytes is made."""

    parser: str
    name: str
    read: Callable[[bytes], object]
    make: Callable[[int], bytes]


def _repeated(unit: bytes) -> Callable[[int], bytes]:
    return lambda size: unit * (size // len(unit))


def _around(begin: bytes, unit: bytes, end: bytes) -> Callable[[int], bytes]:
    return lambda size: begin + unit * (size // len(unit)) + end


def _names(twice: bool) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        names = [b'"%06x":0' % number for number in range(size // 11)]
        return b"{" + b",".join([*names, names[-1]] if twice else names) + b"}"

    return make


def _nested(size: int) -> bytes:
    """Many values as deep as is allowed, each level of two possible types."""
    deep = b'{"kids":[' * 30 + b'{"kids":null}' + b"]}" * 30
    return b'{"kids":[' + b",".join([deep] * (size // len(deep))) + b"]}"


def _laughs(size: int) -> bytes:
    lines = [b"x0: &x0 [lol, lol]"]
    while sum(map(len, lines)) < size:
        n = len(lines)
        lines.append(b"x%d: &x%d [*x%d, *x%d]" % (n, n, n - 1, n - 1))
    return b"\n".join([*lines, b"name: *x%d" % (len(lines) - 1)])


def _wire_key(size: int) -> bytes:
    return b"\xc4" + bytes(31) + b"x" * size


def _source(folder: Path) -> Callable[[bytes], object]:
    path = folder / "scenario.yaml"

    def read(data: bytes) -> object:
        path.write_bytes(data)
        source = Source(str(path))
        return source.plain(source.root) if source.root is not None else None

    return read


def _kinds(folder: Path) -> list[_Kind]:
    json, codec, wire = "JSON body", Codec(), Wire(bytes(32))
    tree, decimals = strict_decoder(_Tree), strict_decoder(dict[Decimal, int])
    keys = Keys(MemoryStore(), Settings())  # type: ignore[arg-type] # nothing is asked of the store
    scenario = _source(folder)

    def arguments(body: bytes) -> object:
        return codec.decode(codec.encode(msgspec.json.decode(body)))

    def headers(data: bytes) -> object:
        return by_lower_case(CIMultiDict(("X", "a") for _ in range(len(data) // 8)))

    return [
        _Kind(json, "a string without an end", check_json, _around(b"[]" * 70 + b'"', b'\\"', b"")),
        _Kind(json, "quotes without an end", check_json, _around(b"[" * 65, b'",', b"")),
        _Kind(json, "a name twice, the last of many", check_json, _names(twice=True)),
        _Kind(json, "many names", check_json, _names(twice=False)),
        _Kind(json, "brackets, closed", check_json, _around(b"[", b"[],", b"[]]")),
        _Kind(json, "brackets, not closed", check_json, _repeated(b"[")),
        _Kind(json, "digits", check_json, _repeated(b"9")),
        _Kind(json, "digits of a fraction", check_json, _around(b"0.", b"9", b"")),
        _Kind(json, "numbers at the limit", check_json, _around(b"[", b"9" * 300 + b",", b"1]")),
        _Kind(json, "escapes", check_json, _around(b'"', b"\\ud83d\\ude00", b'"')),
        _Kind(json, "line ends before a mistake", check_json, _repeated(b"\n")),
        _Kind("typed JSON", "two types at each level", tree, _nested),
        _Kind("typed JSON", "numbers as names", decimals, _names(twice=False)),
        _Kind("arguments", "many small values", arguments, _around(b"[", b"{},", b"1]")),
        _Kind("arguments", "as JSON again", lambda body: json_bytes(arguments(body)),
              _around(b"[", b"[1],", b"1]")),
        _Kind("key", "backslashes", lambda data: keys.read(data.decode(), 0),
              _around(b'"', b"\\\\", b"")),
        _Kind("headers", "one name, many times", headers, _repeated(b"x")),
        _Kind("envelope", "no envelope", lambda data: wire.open_call(data), _wire_key),
        _Kind("scenario", "names for names", scenario, _laughs),
        _Kind("scenario", "brackets", scenario, _around(b"a: ", b"[", b"")),
        _Kind("scenario", "a list", scenario, _around(b"[", b"1,", b"1]")),
    ]  # fmt: skip


def _seconds(read: Callable[[bytes], object], data: bytes, rounds: int) -> float:
    """Processor time, the shortest of several."""
    found = math.inf
    for _ in range(rounds):
        begun = time.process_time()
        with suppress(*_REFUSED):
            read(data)
        found = min(found, time.process_time() - begun)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each (%(default)s)")
    options = parser.parse_args(arguments)
    table = Table(title="strangers' bytes: ms of processor time")
    for column in ("parser", "input"):
        table.add_column(column)
    for column in (*(f"{size // 1000} kB" for size in _SIZES), "exponent"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory() as folder:
        for kind in _kinds(Path(folder)):
            times = [_seconds(kind.read, kind.make(size), options.rounds) for size in _SIZES]
            growth = math.log(max(times[-1], 1e-6) / max(times[0], 1e-6))
            exponent = growth / math.log(_SIZES[-1] / _SIZES[0])
            shown = [f"{each * 1e3:.2f}" for each in times]
            table.add_row(kind.parser, kind.name, *shown, f"{exponent:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
