"""Persistent fields as compiled methods see them: Python's containers, stored per element.

A field object holds no state. Its methods are coroutines that read and write
single keys through :func:`core.effects.perform`, so that requests on different
elements never conflict. They take and return plain values, copies always, and
raise what Python's own containers raise. Iteration follows the order of the
encoded keys (:mod:`core.keys`).

=========  ====================================================================
field      store content, below the field's prefix
=========  ====================================================================
dict       encoded key -> value; and its spelling, below
set        encoded element -> nothing; and its spelling, below
list       encoded index -> element; the bare prefix -> length, absent for none
value      the bare prefix -> value
=========  ====================================================================

Keys that are equal are one key, and the first spelling stays, as in Python's own
containers: where ``True`` was first, it stays ``True`` when 1 is written. A spelling
that is not the normal one (:func:`core.keys.is_normal`) stands beside its key, under
the encoded key and ``00``. Only keys that are spelled so are looked up before they
are written; all others are written blindly.
"""

from core.fields.base import Field
from core.fields.dicts import DictField
from core.fields.lists import ListField
from core.fields.sets import SetField
from core.fields.values import ValueField

__all__ = ["FIELDS", "DictField", "Field", "ListField", "SetField", "ValueField"]

FIELDS: dict[str, type[Field]] = {
    "dict": DictField,
    "list": ListField,
    "set": SetField,
    "value": ValueField,
}
"""The class for each kind of field."""
