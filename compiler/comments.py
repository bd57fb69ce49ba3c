"""Comments: beside the syntax tree, never in it, and back in what is emitted.

The compiler works on the trees of Python's own parser, so a comment may stand wherever Python
allows one. Each is attached to the statement that a reader would say it is about, as an
attribute that nothing but this module looks at:

- at the end of a statement's last line, to that statement;
- behind the colon of a clause, and on the lines below, to the first statement of its block;
- below the last statement of a block, as far to the right as that, to that statement;
- anywhere else, to the statement that follows or in which it stands.

:func:`carry` hands them on where a statement is replaced by others; :func:`unparse` writes a
tree with them.
"""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import ast_comments

__all__ = ["Comment", "attach", "carry", "comments_in", "leading", "put_above", "unparse"]

_MARK = "_mu_comment_"
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_TAB = 8


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment.

    :ivar column: how far it is to the right, tabs expanded.
    :ivar text: with its ``#``.
    :ivar alone: whether nothing else stands on its line.
    """

    line: int
    column: int
    text: str
    alone: bool


@dataclass(slots=True)
class _Attached:
    """The comments of one statement: above it, at its end, and below as the last of its block.

    Those below come with the number of blocks that they stand further to the left.
    """

    above: list[Comment] = field(default_factory=list)
    beside: list[Comment] = field(default_factory=list)
    below: list[tuple[Comment, int]] = field(default_factory=list)


_NONE = _Attached()


@dataclass(slots=True)
class _Clause:
    """A head and its block: a line that ends in a colon, and the statements below."""

    node: ast.AST
    block: list[ast.stmt]
    line: int = 0
    column: int = 0


def comments_in(text: str) -> list[Comment]:
    """The comments of a module that Python can parse, in their order."""
    lines = text.split("\n")
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            line, start = token.start
            before = lines[line - 1][:start]
            found.append(Comment(line, _width(before), token.string, not before.strip()))
    return found


def attach(tree: ast.Module, text: str, comments: list[Comment]) -> None:
    """Attach the comments of a module's ``text`` to the statements of its ``tree``.

    Where there is no statement, there are none to keep.
    """
    if tree.body:
        left = deque(comments)
        placing = _Placing(left, text.split("\n"))
        placing.fill(tree.body)
        while left:
            placing.put_below(tree.body, left.popleft())


def carry(old: ast.stmt, new: list[ast.stmt]) -> None:
    """Give the comments of ``old`` to the statements that take its place."""
    attached = vars(old).pop("comments", None)
    if attached is not None:
        _of(new[0]).above[:0] = attached.above
        _of(new[-1]).beside += attached.beside
        _of(new[-1]).below += attached.below


def put_above(statement: ast.stmt, text: str) -> None:
    """Put a comment above a statement and above the comments that it has."""
    known: _Attached = getattr(statement, "comments", _NONE)
    above = [Comment(0, 0, text, True), *known.above]
    vars(statement)["comments"] = _Attached(above, known.beside, known.below)


def leading(body: list[ast.stmt]) -> tuple[list[str], list[ast.stmt]]:
    """The lines of comments above the first statement, and the statements without these."""
    if not body:
        return [], body
    first = copy.copy(body[0])
    attached: _Attached = getattr(first, "comments", _NONE)
    vars(first)["comments"] = _Attached([], attached.beside, attached.below)
    return [each.text for each in attached.above], [first, *body[1:]]


def unparse(module: ast.Module, text: str) -> str:
    """A module as source, with the comments of its statements.

    :param text: the user's source, of which ``module`` is made.
    """
    mark = _MARK
    while mark in text:
        mark += "_"
    module = ast.Module(_Showing(mark).block(module, module.body), [])
    plain = ast_comments.unparse(ast.fix_missing_locations(module))
    marked = re.compile(rf"#{mark}(\d*)(#.*)")
    lines = plain.split("\n")
    above: list[int] = []  # the last lines, as far as they are comments about what follows
    for comment in comments_in(plain):
        found = marked.fullmatch(comment.text)
        if found is None:
            continue
        here = comment.line - 1
        lines[here] = " " * (comment.column - 4 * int(found[1] or 0)) + found[2]
        if found[1]:
            continue
        above = [*above, here] if above[-1:] == [here - 1] else [here]
        if lines[here + 1 : here + 2] == [""]:  # it stands above a definition and its comments
            lines[above[0] : here + 2] = ["", *lines[above[0] : here + 1]]
    return "\n".join(lines)


class _Placing:
    """Takes comments, in their order, from ``left`` and attaches them."""

    def __init__(self, left: deque[Comment], lines: list[str]) -> None:
        self.left = left
        self.lines = lines

    def fill(self, block: list[ast.stmt]) -> None:
        """Place what stands in ``block``, up to the end of its last statement."""
        for number, statement in enumerate(block):
            for comment in self._until(_first_line(statement)):
                previous = block[number - 1] if number else None
                if previous is not None and self._is_inside(previous, comment):
                    self.put_below(block[:number], comment)
                else:
                    _put_above(statement, comment)
            following = block[number + 1] if number + 1 < len(block) else None
            self._inside(statement, following)

    def put_below(self, block: list[ast.stmt], comment: Comment, outer: int = 0) -> None:
        """Attach a comment below the last statement of ``block``, or of the block that ends it."""
        last = block[-1]
        if not outer and self._is_inside(last, comment):
            self.put_below(self._clauses(last)[-1].block, comment)
        else:
            _of(last).below.append((comment, outer))

    def _inside(self, statement: ast.stmt, following: ast.stmt | None) -> None:
        end = statement.end_lineno or 0
        clauses = self._clauses(statement)
        if not clauses:
            shares_line = following is not None and following.lineno == end
            for comment in self._until(end + (not shares_line)):
                if comment.line == end:
                    _of(statement).beside.append(comment)
                else:
                    _put_above(statement, comment)
            return
        before: _Clause | None = None
        for clause in clauses:
            for comment in self._until(clause.line):
                if before is None:  # behind the head of a match, or between decorators
                    _put_above(statement, comment)
                else:
                    self.put_below(before.block, comment, comment.column <= clause.column)
            for comment in self._until(_first_line(clause.block[0])):
                if before is None and comment.line < _end_of_head(clause.node):
                    _put_above(statement, comment)
                else:
                    _of(clause.block[0]).above.append(comment)
            self.fill(clause.block)
            before = clause

    def _until(self, line: int) -> Iterator[Comment]:
        """The next comments, as long as they stand above ``line``."""
        while self.left and self.left[0].line < line:
            yield self.left.popleft()

    def _is_inside(self, statement: ast.stmt, comment: Comment) -> bool:
        """Whether a comment below a compound statement stands where its blocks do."""
        return bool(self._clauses(statement)) and comment.column > self._column(statement.lineno)

    def _column(self, line: int) -> int:
        text = self.lines[line - 1]
        return _width(text[: len(text) - len(text.lstrip())])

    def _clauses(self, statement: ast.stmt) -> list[_Clause]:
        """The clauses of a compound statement, in their order, and where each begins."""
        found = list(_clauses_of(statement))
        end = statement.lineno - 1 + isinstance(statement, ast.Match)
        for clause in found:
            clause.line = next(
                (n for n in range(end + 1, clause.block[0].lineno) if self._is_head(n)),
                clause.block[0].lineno,
            )
            clause.column = self._column(clause.line)
            end = clause.block[-1].end_lineno or 0
        return found

    def _is_head(self, line: int) -> bool:
        return self.lines[line - 1].strip(" \t\f")[:1] not in ("", "#", "\\")


class _Showing:
    """Copies blocks with the comments as nodes, which only those who write them may meet.

    What such a node cannot say stands in its text, behind a mark: that the comment is about what
    follows, or else how many blocks it stands further left.
    """

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def block(self, owner: ast.AST, block: list[ast.stmt]) -> list[ast.stmt]:
        """Statements, those of their own blocks too, with marks."""
        result: list[ast.stmt] = []
        for number, statement in enumerate(block):
            attached: _Attached = getattr(statement, "comments", _NONE)
            above = [self._node(each) for each in attached.above]
            shown = [self._copy(statement)]
            is_docstring = not number and _is_documented(owner)
            result += [*shown, *above] if is_docstring else [*above, *shown]
            result += [self._node(each, "0") for each in attached.beside]
            result += [self._node(each, f"{outer:d}") for each, outer in attached.below]
        return result

    def _copy(self, statement: ast.stmt) -> ast.stmt:
        shown = copy.copy(statement)
        for name in _BLOCKS:
            parts = getattr(shown, name, None)
            if not parts:
                continue
            if isinstance(parts[0], ast.stmt):
                setattr(shown, name, self.block(shown, parts))
            else:
                copies = [copy.copy(part) for part in parts]
                for part in copies:
                    part.body = self.block(part, part.body)
                setattr(shown, name, copies)
        return shown

    def _node(self, comment: Comment, outer: str = "") -> ast.stmt:
        text = f"#{self._mark}{outer}{comment.text}" if comment.alone else comment.text
        node: ast.stmt = ast_comments.Comment(value=text, inline=not comment.alone)
        return node


def _of(statement: ast.stmt) -> _Attached:
    attached: _Attached = vars(statement).setdefault("comments", _Attached())
    return attached


def _put_above(statement: ast.stmt, comment: Comment) -> None:
    _of(statement).above.append(replace(comment, alone=True))


def _clauses_of(statement: ast.stmt) -> Iterator[_Clause]:
    for name in _BLOCKS:
        parts = getattr(statement, name, None)
        if parts and isinstance(parts[0], ast.stmt):
            yield _Clause(statement, parts)
        else:
            yield from (_Clause(part, part.body) for part in parts or ())


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _end_of_head(node: ast.AST) -> int:
    """The last line on which something of a compound statement's head is known to stand."""
    lines = [getattr(node, "lineno", 0)]
    for name, value in ast.iter_fields(node):
        if name not in _BLOCKS:
            parts = value if isinstance(value, list) else [value]
            ends = [part for part in parts if isinstance(part, ast.AST)]
            lines += [
                getattr(each, "end_lineno", 0) or 0 for part in ends for each in ast.walk(part)
            ]
    return max(lines)


def _is_documented(owner: ast.AST) -> bool:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(owner, kinds) and ast.get_docstring(owner, clean=False) is not None


def _width(text: str) -> int:
    """How far to the right the text that follows stands, as Python counts indentation."""
    width = 0
    for character in text:
        if character == "\t":
            width = (width // _TAB + 1) * _TAB
        else:
            width = 0 if character == "\f" else width + 1
    return width
