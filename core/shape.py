"""The shape of what an application stores, and whether new code fits what old code stored.

A *shape* says how each persistent field is kept, with which types, and what the classes of these
types consist of. It is kept in the store beside the data, so that code that would misread them is
refused before its first request, and not by an error in some method some day.

Types are text, as Python writes them: ``dict[str, shop.Guest | None]``. ``object`` is what is not
known. What is not known to be wrong fits: only what certainly cannot be read, or would mix, does
not. So an annotation may be added or left out, and

=====================  ==========================================================================
of what is stored      the new code may
=====================  ==========================================================================
a type                 be wider: ``int`` becomes ``float`` or ``int | None``
a field of a service   be new, or be gone: its data stay, and bind whoever takes its name again
a class                have more fields if they have defaults, and fewer if values keep what they
                       have, as those of a dataclass without ``slots`` do
a class in a key       be no different: other fields make other keys
an enum                have more values
=====================  ==========================================================================

A class is known by its name. Where it is renamed, a subclass that keeps the old name keeps what is
stored readable.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import msgspec

__all__ = ["OBJECT", "Attribute", "ClassShape", "FieldShape", "Misfit", "Shape", "fit", "merged"]

OBJECT = "object"
"""A type of which nothing is known."""
_WIDER = {"bool": {"int", "float", "complex"}, "int": {"float", "complex"}, "float": {"complex"}}
"""What Python's annotations take for what."""


class FieldShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """A persistent field: ``dict``, ``list``, ``set`` or ``value``, and the type of all of it."""

    kind: str
    type: str


class Attribute(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field of a class.

    :ivar default: whether it has one.
    :ivar missing: whether values may be stored that do not have it.
    """

    type: str
    default: bool = False
    missing: bool = False


class ClassShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """A class of which values are stored.

    :ivar attributes: its fields, in order.
    :ivar keeps: whether a value can be made that has more attributes than the class has fields.
    :ivar bases: the classes of the application that it is one of.
    :ivar values: of an enum: its values, as they are written.
    """

    attributes: dict[str, Attribute] = {}
    keeps: bool = False
    bases: list[str] = []
    values: list[str] | None = None


class Shape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an application stores.

    :ivar fields: by service and field, as ``Hotel.rooms``.
    :ivar left: fields that are no longer declared, whose data may still be there.
    :ivar classes: by qualified name.
    """

    fields: dict[str, FieldShape] = {}
    left: dict[str, FieldShape] = {}
    classes: dict[str, ClassShape] = {}


class Misfit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A field whose stored data the new code cannot take.

    :ivar field: ``Service.field``.
    :ivar old: what is stored; ``new``: what is declared.
    :ivar why: what of it, if that does not show.
    """

    field: str
    old: str
    new: str
    why: str = ""

    def __str__(self) -> str:
        changed = "" if self.old == self.new else f" and is declared {self.new}"
        return f"{self.field} holds {self.old}{changed}{self.why and ': '}{self.why}"


def fit(stored: Shape, declared: Shape) -> list[Misfit]:
    """What in ``declared`` does not fit data of the shape ``stored``."""
    found = []
    for name, new in declared.fields.items():
        old = stored.fields.get(name) or stored.left.get(name)
        if old is None:
            continue
        if old.kind != new.kind:
            found.append(Misfit(name, _told(old), _told(new)))
            continue
        why = _Comparison(stored.classes, declared.classes).types(old.type, new.type)
        if why is not None:
            found.append(Misfit(name, _told(old), _told(new), why))
    return found


def merged(stored: Shape, declared: Shape, empty: frozenset[str] = frozenset()) -> Shape:
    """The shape of the data from now on: what is there, and what ``declared`` will add.

    :param empty: fields of which nothing is stored, so that nothing of them is to be remembered.
    """
    before = {**stored.left, **stored.fields}
    left = {
        name: each
        for name, each in before.items()
        if name not in declared.fields and name not in empty
    }
    there = [each for name, each in before.items() if name not in empty]
    known = _reachable(there, stored.classes)
    classes = {
        name: _merged_class(known.get(name), declared.classes.get(name))
        for name in sorted(known.keys() | declared.classes.keys())
    }
    return Shape(dict(declared.fields), left, classes)


def _merged_class(old: ClassShape | None, new: ClassShape | None) -> ClassShape:
    if old is None or new is None:
        both = old or new
        assert both is not None
        return both
    added = {
        name: msgspec.structs.replace(
            each, missing=name not in old.attributes or old.attributes[name].missing
        )
        for name, each in new.attributes.items()
    }
    values = None if new.values is None else sorted({*new.values, *(old.values or ())})
    return ClassShape({**old.attributes, **added}, new.keeps, new.bases, values)


def _reachable(
    fields: Iterable[FieldShape], classes: Mapping[str, ClassShape]
) -> dict[str, ClassShape]:
    """The classes that values of the fields may be made of."""
    found: dict[str, ClassShape] = {}
    ahead = [each.type for each in fields]
    while ahead:
        for name in _names(ahead.pop()):
            if name in classes and name not in found:
                found[name] = classes[name]
                ahead += [each.type for each in classes[name].attributes.values()]
    return found


def _told(field: FieldShape) -> str:
    """A field as a person would say it: a value that is a dict is not a persistent dict."""
    return f"one value ({field.type})" if field.kind == "value" else field.type


# --- types as text


@cache
def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _members(text: str) -> list[str]:
    """The types of a union, or the one."""
    found, ahead = [], [_parsed(text)]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ast.BinOp):
            ahead += [node.right, node.left]
        else:
            found.append(ast.unparse(node))
    return found


def _parts(text: str) -> tuple[str, list[str]]:
    """A type that is no union as its name and what stands in brackets."""
    node = _parsed(text)
    if not isinstance(node, ast.Subscript):
        return text, []
    inside = node.slice
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    return ast.unparse(node.value), [ast.unparse(each) for each in parts]


def _names(text: str) -> Iterator[str]:
    for member in _members(text):
        name, parts = _parts(member)
        yield name
        for part in parts:
            if part not in ("...", "()"):
                yield from _names(part)


class _Comparison:
    """Whether values of old types can be taken for values of new ones.

    A method answers None if so, and otherwise why not, which is empty where the types themselves
    say it. Classes that refer to themselves are looked at once.
    """

    def __init__(self, old: Mapping[str, ClassShape], new: Mapping[str, ClassShape]) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, bool]] = set()

    def types(self, old: str, new: str, keys: bool = False) -> str | None:
        """A type, which may be a union, for another."""
        wanted = _members(new)
        for member in _members(old):
            whys = [self._single(member, each, keys) for each in wanted]
            if None not in whys:
                return _first(whys)
        return None

    def _single(self, old: str, new: str, keys: bool) -> str | None:
        if OBJECT in (old, new) or new in _WIDER.get(old, ()):
            return None
        name, parts = _parts(old)
        wanted, others = _parts(new)
        if name in self._old and (name == wanted or wanted in self._bases(name)):
            return self._class(name, keys)
        if name == wanted == "tuple":
            return self._tuple(parts, others, keys)
        if name == wanted:
            return self._inside(name, parts, others, keys)
        if name in self._old and name not in self._new:
            return f"there is no class {name} any more, by whose name its values are stored"
        return ""

    def _bases(self, name: str) -> list[str]:
        return self._new[name].bases if name in self._new else []

    def _inside(self, name: str, old: list[str], new: list[str], keys: bool) -> str | None:
        """The types in brackets, one by one."""
        for number, (before, now) in enumerate(zip(old, new, strict=False)):
            hashed = keys or name in ("set", "frozenset") or (name == "dict" and number == 0)
            if (why := self.types(before, now, hashed)) is not None:
                return why
        return None

    def _tuple(self, old: list[str], new: list[str], keys: bool) -> str | None:
        if new[-1:] == ["..."]:
            each = [part for part in old if part not in ("...", "()")]
            return self._inside("tuple", each, [new[0]] * len(each), keys)
        if old[-1:] == ["..."] or len(old) != len(new):
            return None if OBJECT in old[:1] and old[-1:] == ["..."] else ""
        return self._inside("tuple", old, new, keys)

    def _class(self, name: str, keys: bool) -> str | None:
        if (name, keys) in self._seen:
            return None
        self._seen.add((name, keys))
        old, new = self._old[name], self._new.get(name)
        if new is None:
            return f"there is no class {name} any more, by whose name its values are stored"
        if old.values is not None or new.values is not None:
            return _enum(name, old.values, new.values)
        why = _attributes(name, old, new, keys)
        if why is not None:
            return why
        for attribute, before in old.attributes.items():
            now = new.attributes.get(attribute)
            if now is not None and (why := self.types(before.type, now.type, keys)) is not None:
                return why or f"{name}.{attribute} was {before.type} and is {now.type}"
        return None


def _first(whys: list[str | None]) -> str:
    """Of the reasons for which none of several types will do: the one that says most."""
    return max((why or "" for why in whys), key=len)


def _enum(name: str, old: list[str] | None, new: list[str] | None) -> str | None:
    if old is None or new is None:
        was, now = ("no enum", "one") if old is None else ("an enum", "none")
        return f"{name} was {was} and is {now}"
    gone = [value for value in old if value not in new]
    return f"{name} has no member of the value {gone[0]} any more" if gone else None


def _attributes(name: str, old: ClassShape, new: ClassShape, keys: bool) -> str | None:
    """What is wrong with a class having the fields that it has now, whatever their types."""
    if keys and list(old.attributes) != list(new.attributes):
        return f"{name} is part of a key, which other fields make another key"
    for attribute, now in new.attributes.items():
        before = old.attributes.get(attribute)
        if (before is None or before.missing) and not now.default:
            return f"{name}.{attribute} is not in what is stored: give it a default"
    gone = [attribute for attribute in old.attributes if attribute not in new.attributes]
    if gone and not new.keeps:
        return f"{name}.{gone[0]} is in what is stored, and {name} cannot be made with it any more"
    return None
