"""YAML with places: every value knows its line and column, every mistake is collected.

A :class:`Source` holds the file and the mistakes found in it. A :class:`Table` reads
one mapping: the reader names the keys it knows, takes each with a function that
understands its value, and whatever is left over or wrong becomes a
:class:`Mistake`. Reading goes on after a mistake, with the default in the wrong
value's place, so that all mistakes of a file are told at once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from compiler.errors import marked
from core.errors import MuError
from experiment.scenario.quantities import QuantityError, show_value

__all__ = [
    "Mistake",
    "Node",
    "ScenarioError",
    "Source",
    "Table",
    "nearest",
    "one_of",
    "word",
]

_T = TypeVar("_T")
_BARE_PERCENT = re.compile(r"(^|[\s:\[{,])%")
"""A value that begins with %, which YAML reserves."""
_DEEPEST = 40
_LONGEST_NUMBER = 40
_MOST_VALUES = 100_000
"""In a file whose aliases are written out: a few lines can come to more than a memory holds."""


class Mistake(NamedTuple):
    """One thing wrong in a file, with the place (from 1; 0 for the whole file) and the remedy."""

    file: str
    line: int
    column: int
    source: str
    what: str
    remedy: str

    def __str__(self) -> str:
        if not self.line:
            return f"{self.file}: {self.what}\n    {self.remedy}"
        place = f"{self.file}:{self.line}:{self.column}"
        shown = marked(self.source, self.column, self.column + 1)
        return "\n".join([f"{place}: {self.what}", *shown, f"    {self.remedy}"])


class ScenarioError(MuError):
    """A scenario that cannot be run as it is written.

    :ivar mistakes: all that is wrong with it, in the order of the file.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda mistake: (mistake.line, mistake.column))
        count = "1 mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__("\n\n".join([*map(str, self.mistakes), count]))


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown word: the nearest known one, and all of them."""
    known = list(known)
    if not known:
        return "there is none to choose from"
    folded = {name.lower().replace("-", "_"): name for name in known}
    guess = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    every = ", ".join(known)
    return (
        f"did you mean '{folded[guess[0]]}'? Known: {every}" if guess else f"write one of {every}"
    )


def word(value: object) -> str:
    """A word or some text, not empty.

    :raises QuantityError: it is none.
    """
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise QuantityError(f"{show_value(value)} is not a word", "write a word; quote it if need be")


def one_of(known: Sequence[str], what: str) -> Callable[[object], str]:
    """A reader of one of the words ``known``, each of which is ``what``."""

    def read_one(value: object) -> str:
        if isinstance(value, str) and value in known:
            return value
        raise QuantityError(f"there is no {what} {show_value(value)}", nearest(str(value), known))

    return read_one


class Source:
    """A file of YAML, its tree of nodes, and the mistakes found so far.

    :ivar root: the top node, None if the file is empty.
    :raises ScenarioError: the file cannot be read, or is not YAML.
    """

    def __init__(self, file: str) -> None:
        self.file = file or "''"
        self.lines: list[str] = []
        self._mistakes: dict[Mistake, None] = {}
        self._left = _MOST_VALUES
        text = self._text()
        self.lines = text.splitlines()
        self.root = self._compose(text)

    def mistake(self, node: Node | None, what: str, remedy: str) -> None:
        """Note a mistake at ``node``, or of the whole file."""
        line, column = (0, 0) if node is None else (node.start_mark.line, node.start_mark.column)
        self._at(line + (node is not None), column + 1, what, remedy)

    def adopt(self, mistakes: Iterable[Mistake]) -> None:
        """Note what was found to be wrong with another file, which this one names."""
        self._mistakes |= dict.fromkeys(mistakes)

    def read(self, node: Node, read: Callable[[object], _T], default: _T) -> _T:
        """``node``'s value as ``read`` understands it; a mistake and ``default`` if it does not."""
        try:
            return read(self.plain(node))
        except QuantityError as error:
            self.mistake(node, error.what, error.remedy)
            return default

    def items(self, node: Node, what: str, example: str) -> list[Node]:
        """The nodes of a list; a mistake if it is none."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        self.mistake(node, f"{what} must be a list", f"write {example}")
        return []

    def finish(self) -> None:
        """Tell all mistakes.

        :raises ScenarioError: there is at least one.
        """
        if self._mistakes:
            raise ScenarioError(self.mistakes)

    @property
    def mistakes(self) -> list[Mistake]:
        """What was found to be wrong so far."""
        return list(self._mistakes)

    def plain(self, node: Node, depth: int = 0) -> Any:
        """The Python value of a node: what JSON could hold.

        :raises QuantityError: it has none, or is too deep.
        :raises ScenarioError: the file has too many.
        """
        self._left -= 1
        if self._left < 0:
            what = f"this file has more than {_MOST_VALUES:,} values, what * repeats counted too"
            self.mistake(node, what, "repeat less of it")
            self.finish()
        if depth > _DEEPEST:
            raise QuantityError("this is nested too deeply", "write it flatter")
        if isinstance(node, SequenceNode):
            return [self.plain(item, depth + 1) for item in node.value]
        if isinstance(node, MappingNode):
            return {self._key(key): self.plain(value, depth + 1) for key, value in node.value}
        return _scalar(str(node.tag).rpartition(":")[2], node.value)

    def _key(self, node: Node) -> Any:
        if isinstance(node, ScalarNode):
            return self.plain(node)
        raise QuantityError("a key must be a single value", "write a word or a number")

    def _at(self, line: int, column: int, what: str, remedy: str) -> None:
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        found = Mistake(self.file, line, column, text, what, remedy)
        self._mistakes[found] = None

    def _text(self) -> str:
        try:
            with open(self.file, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            self.mistake(None, "there is no such file", "give the path of a scenario file")
        except IsADirectoryError:
            self.mistake(None, "this is a folder", "give the path of a scenario file in it")
        except UnicodeDecodeError:
            self.mistake(None, "this is not text in UTF-8", "save the file as UTF-8")
        except OSError as error:
            remedy = "give the path of a scenario file that can be read"
            self.mistake(None, f"cannot be read: {error.strerror}", remedy)
        raise ScenarioError(self.mistakes)

    def _compose(self, text: str) -> Node | None:
        try:
            yaml = YAML()
            yaml.Composer = _Shallow
            root: Node | None = yaml.compose(text)
            return root
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
            what = f"this is not YAML: {error.problem or error.context or 'it cannot be parsed'}"
            self._at(line, column, what, self._syntax_remedy(line, what))
        except YAMLError as error:
            what = f"this is not YAML: {' '.join(str(error).split())}"
            self.mistake(None, what, "save it as plain UTF-8 text")
        except RecursionError:
            self.mistake(None, "this is nested too deeply", "write it flatter")
        raise ScenarioError(self.mistakes)

    def _syntax_remedy(self, line: int, what: str) -> str:
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        if "another document" in what:
            return "write one scenario in a file: remove what follows '---'"
        if "undefined alias" in what:
            return "put what begins with * in quotes"
        if "\t" in text:
            return "indent with spaces: YAML does not allow tabs"
        if "@every" in text:
            return 'put the schedule in quotes: "@every 10s"'
        if _BARE_PERCENT.search(text):
            return 'put what begins with % in quotes, or write the ratio: 0.02 for "2%"'
        return "close every bracket and quote, and indent all keys of a mapping alike"


class _Shallow(Composer):
    """Stops where a file is deeper than any that is read.

    The library's time for each token grows with the depth at which it stands.
    """

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RecursionError
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class Table:
    """One mapping of a file.

    :param what: what the mapping is, for messages: ``a fault``.
    :param known: the keys it may have; all others are mistakes.
    """

    def __init__(self, source: Source, node: Node, what: str, known: Sequence[str]) -> None:
        self.source = source
        self.node = node
        self.what = what
        self.keys: dict[str, ScalarNode] = {}
        self._values: dict[str, Node] = {}
        if isinstance(node, MappingNode):
            for key, value in node.value:
                self._enter(key, value, known)
        else:
            example = ", ".join(f"{key}: ..." for key in known[:2])
            remedy = f"write keys and values: {{{example}}}" if known else "write keys and values"
            source.mistake(node, f"{what} must be a mapping", remedy)

    def _enter(self, key: Node, value: Node, known: Sequence[str]) -> None:
        name = str(key.value)
        if not isinstance(key, ScalarNode):
            self.source.mistake(key, f"{self.what} has a key that is not a word", "write a word")
        elif name in self.keys:
            first = self.keys[name].start_mark.line + 1
            remedy = f"keep one of the two; the first is in line {first}"
            self.source.mistake(key, f"'{name}' is written twice in {self.what}", remedy)
        elif known and name not in known:
            self.source.mistake(key, f"'{name}' is not a key of {self.what}", nearest(name, known))
        else:
            self.keys[name] = key
            self._values[name] = value
            if value.start_mark.line != key.start_mark.line and value.value == "":
                value.start_mark = key.start_mark  # nothing is written: YAML says where it ends

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def node_of(self, key: str) -> Node | None:
        """The value's node, None if the key is not there."""
        return self._values.get(key)

    def take(self, key: str, read: Callable[[object], _T], default: _T) -> _T:
        """The value of ``key`` as ``read`` understands it, ``default`` if it is not there."""
        node = self._values.get(key)
        return default if node is None else self.source.read(node, read, default)

    def items(self, key: str, example: str) -> list[Node]:
        """The nodes of the list under ``key``, none if it is not there."""
        node = self._values.get(key)
        return [] if node is None else self.source.items(node, f"'{key}'", example)

    def need(self, key: str, why: str, remedy: str) -> bool:
        """Whether ``key`` is there; a mistake at the mapping if it is not."""
        if key not in self._values and isinstance(self.node, MappingNode):
            self.source.mistake(self.node, why, remedy)
        return key in self._values

    def refuse(self, keys: Iterable[str], why: str, remedy: str) -> None:
        """A mistake at each of ``keys`` that is there."""
        for key in keys:
            if key in self.keys:
                self.source.mistake(self.keys[key], f"'{key}' {why}", remedy)


def _scalar(kind: str, text: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in ("int", "float"):
        return _number(kind, text.replace("_", ""))
    if kind != "str":
        what = f"{show_value(text)} has the tag '{kind}', which means nothing here"
        raise QuantityError(what, "write plain text, numbers, true or false")
    return text


def _number(kind: str, text: str) -> int | float:
    try:
        if kind == "int":
            return int(text, 0 if text.lstrip("+-")[:2] in ("0x", "0o") else 10)
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:  # not digits after all, or more of them than Python converts
        shown = show_value(text if len(text) <= _LONGEST_NUMBER else f"{text[:_LONGEST_NUMBER]}...")
        raise QuantityError(f"{shown} is not a number", "write one such as 8 or 0.3") from None
