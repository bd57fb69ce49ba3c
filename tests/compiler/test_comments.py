"""A comment is not code: wherever one stands, nothing changes, and it is in what is emitted."""

import ast
import io
import itertools
import random
import re
import tokenize
from pathlib import Path

import pytest

from compiler.application import load
from compiler.emit import emit_module
from compiler.errors import CompileErrors
from tests.compiler.driver import Driver

APPS = sorted(Path("apps").glob("*/services.py"))

EVERYTHING = '''"""A module with every statement that has a head."""

from __future__ import annotations

import contextlib
import functools

from compiler import call, decorators, service, transaction

try:
    import json
except ImportError:
    json = None
except ValueError: json = 3
else:
    pass
finally:
    pass

if json:
    LIMIT = 3; OTHER = 4
elif json is None: LIMIT = 4
else:
    if LIMIT: pass


def plain(a=1, *, b: int = 2): return a + b


@functools.lru_cache(
    maxsize=None,
)
def cached(x):
    """Doc.

    # no comment
    """
    return [
        each
        for each in range(x)
        if each
    ]


@service
class Shop(object):
    """A shop."""

    NAMES = ("a",
             "b")

    def __init__(self):
        """Set up."""
        self.stock = {}  # type: Persistent[dict]
        self.sold: Persistent[int] = 0

    def buy(
        self,
        what,
        count=1,
    ) -> int:
        """Buy."""
        text = """
        # no comment
        """
        match what, count:
            case ("a" | "b", 1) if (
                count
            ):
                self.sold += 1
            case [str(), n]: self.sold += n
            case _:
                return 0
        if count > 5 \\
                and what:
            return 7
        elif count > 4:
            self.stock[what] = [1,
                count]
            return 8
        else:
            if count == 3: return self._more(what)
        with transaction(), contextlib.nullcontext() as nothing:
            try:
                self.stock[what] = self.stock.get(what, 0) + len(text); count -= 1
            except (KeyError,
                    ValueError):
                raise
            except TypeError as error:
                raise
            else:
                for a, self.sold in [(1, 2)]:
                    continue
                else:
                    del self.stock[what]
            finally:
                self.sold += len(cached(3))
        while count > 0:
            count -= 1
        else: pass
        def inner(x):
            return x
        class Local:
            x = 1
        return self.sold + inner(plain())

    def _more(self, what):
        try:
            return call(Other.get, what)
        except LookupError:
            raise


@decorators.service
class Other:
    def get(self, what): return len(what)
'''


def places(text: str) -> tuple[set[int], set[int]]:
    """Lines before which a comment may stand alone, and lines that may end in one."""
    alone, beside = {1}, set()
    lines = text.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            alone.add(token.start[0] + 1)
            if "#" not in lines[token.start[0] - 1]:
                beside.add(token.start[0])
    return {line for line in alone if line <= len(lines)}, beside


def commented(text: str, rng: random.Random, share: float) -> tuple[str, list[str]]:
    """The text with comments in a share of its places, and these."""
    alone, beside = places(text)
    numbers = itertools.count()
    made, result = [], []

    def comment() -> str:
        kind = rng.choice(["# c{} ", "#{}:x = 1", '# \'type\' {} -> """', "#! é{} \\", "#\t{}#"])
        made.append(kind.format(f"<{next(numbers)}>").rstrip())
        return made[-1]

    for number, line in enumerate(text.split("\n"), 1):
        while number in alone and rng.random() < share:
            indent = rng.choice([line[: len(line) - len(line.lstrip())], "    ", "", " " * 9, "\t"])
            result.append(indent + comment())
        result.append(
            line + "  " + comment() if number in beside and rng.random() < share else line
        )
    return "\n".join(result), made


def compiled(folder: Path, name: str, text: str):
    file = folder / f"{name}.py"
    for other in set(re.findall(r"apps\.(\w+)\.services", text)):
        (folder / f"of_{other}.py").write_bytes(Path(f"apps/{other}/services.py").read_bytes())
    text = re.sub(r"apps\.(\w+)\.services", r"of_\1", text)
    file.write_bytes(text.encode())
    app = load(file)
    (plain,) = (each for each in app.declared.plain_modules if each.source.path == file)
    return app, emit_module(plain, app.declared)


def graph(app, name):
    """The graph without the places in files."""

    def plain(data):
        return sorted((k, str(v)) for k, v in data.items() if k not in ("file", "line"))

    nodes = [(node, plain(data)) for node, data in app.graph.nodes(data=True)]
    edges = [(start, end, plain(data)) for start, end, data in app.graph.edges(data=True)]
    return str([sorted(nodes), sorted(edges)]).replace(name, "m")


def shown(text):
    return ast.dump(ast.parse(text))


@pytest.mark.parametrize("share", [0.1, 0.8])
@pytest.mark.parametrize(
    "source", ["everything", *APPS], ids=lambda each: getattr(each, "parent", Path(each)).name
)
def test_comments_change_nothing_and_stay(tmp_path, source, share):
    text = EVERYTHING if source == "everything" else source.read_text()
    before, emitted = compiled(tmp_path, "without", text)
    for seed in range(2):
        more, comments = commented(text, random.Random(f"{source} {share} {seed}"), share)
        name = f"with{seed}"
        after, written = compiled(tmp_path, name, more)
        assert shown(written) == shown(emitted)
        assert graph(after, name) == graph(before, "without")
        heirs = [
            each for each in after.declared.services.values() if each.cls.__bases__ != (object,)
        ]
        times = range(1, 2 + len(heirs))  # what is inherited is shown in each class that has it
        lost = [each for each in comments if written.count(each) not in times]
        assert not lost, lost


ODD = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "cr": lambda text: text.replace("\n", "\r"),
    "no newline at the end": lambda text: text + "# last",
    "comment below the end": lambda text: text + "    # last",
    "byte order mark": lambda text: "\ufeff" + text,
    "interpreter and encoding": lambda text: "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n" + text,
    "form feeds": lambda text: text.replace("\n\n\n", "\n\f\n# page\n"),
    "form feed before code": lambda text: text.replace("@", "\f@"),
    "tabs": lambda text: text.replace("    ", "\t"),
    "tabs and comments": lambda text: text.replace("    ", "\t").replace(
        "\n\t\telse", "\n\t # odd\n\t\telse"
    ),
    "continued": lambda text: text.replace("import functools", "import \\\n  functools"),
    "type comments": lambda text: text.replace("count -= 1", "count -= 1  # type: ignore"),
    "line separators": lambda text: text.replace("# no comment", "# no\u2028comment\x1c\x85 "),
}  # fmt: skip


@pytest.mark.parametrize("change", ODD)
def test_odd_files_are_what_python_reads(tmp_path, change):
    _, emitted = compiled(tmp_path, "plain", EVERYTHING)
    text = ODD[change](EVERYTHING)
    compile(text.encode(), "odd", "exec")
    app, written = compiled(tmp_path, "odd", text)
    if change != "line separators" and "tabs" not in change:  # these are in strings too
        assert shown(written) == shown(emitted)
    assert ("# last" in written) == ("# last" in text)
    assert written.count("# page") == text.count("# page")
    assert written.count("# odd") == text.count("# odd")
    assert "# type: Persistent[dict]" in written
    assert Driver(app.program, app.initial_state(), None).run("Shop", "buy", ("a", 2)) == 7


def test_an_encoding_is_followed(tmp_path):
    text = f"# -*- coding: latin-1 -*-\n{EVERYTHING}".replace("return text", "return 'é'")
    (tmp_path / "old.py").write_bytes(text.encode("latin-1"))
    app = load(tmp_path / "old.py")
    written = emit_module(app.declared.plain_modules[0], app.declared)
    assert "coding: latin-1" in written
    compile(written.encode(), "emitted", "exec")


def test_what_runs_first_stays_first(tmp_path):
    text = "#!/usr/bin/env python\n# Licence\n" + EVERYTHING
    _, written = compiled(tmp_path, "first", text)
    lines = written.split("\n")
    assert lines[0] == "#!/usr/bin/env python"
    assert lines[1].startswith("# Compiled from")
    at = lines.index("# Licence")
    assert lines[at + 1] == '"""A module with every statement that has a head."""'
    assert all(line.startswith("#") or not line for line in lines[:at])


AS_WRITTEN = """@service
class A:

    # about m
    def m(self):  # at once
        self.n += 1  # one more
        # the end of m

    def __init__(self):
        self.n: Persistent[int] = 0
        if self.n:  # some
            pass
        # or none
        else:  # none
            # as it is
            pass
# the end"""


def test_comments_stay_where_they_were(tmp_path):
    _, written = compiled(tmp_path, "kept", f"from compiler import *\n{AS_WRITTEN}\n")
    after = AS_WRITTEN.replace("    def m", "    async def m").replace(
        "        self.n += 1",
        "        _mu_1 = await self.n.load()\n        _mu_1 += 1\n"
        "        await self.n.store(_mu_1)",
    )
    assert written.endswith(f"{after}\n")


def test_errors_show_the_line_that_an_editor_shows(tmp_path):
    text = (
        "from compiler import *\n# page\f one\u2028\n\f\n"
        "@service\nclass A:\n    def m(self): open('x')\n"
    )
    (tmp_path / "wrong.py").write_text(text)
    with pytest.raises(CompileErrors) as errors:
        load(tmp_path / "wrong.py")
    (error,) = errors.value.errors
    assert (error.line, error.text) == (6, "    def m(self): open('x')")
