"""Persistent fields of the reference run: Python's own containers, with stored semantics.

They are real dicts, lists and sets, so plain code works on them. They differ
from their bases in what storing implies: values go in and come out as copies,
iteration goes in key order, over what was there when it began, and a transaction can undo
what it wrote. :mod:`core.fields` does the same on a store.
"""

from compiler.api.containers.base import Keeper
from compiler.api.containers.dicts import StoredDict
from compiler.api.containers.fields import Container, StoredField, make_field
from compiler.api.containers.lists import StoredList
from compiler.api.containers.sets import StoredSet

__all__ = [
    "Container",
    "Keeper",
    "StoredDict",
    "StoredField",
    "StoredList",
    "StoredSet",
    "make_field",
]
