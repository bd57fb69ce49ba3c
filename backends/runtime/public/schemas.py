"""JSON schemas of the types that annotations name, which tell what is taken and what is refused.

msgspec writes them. What it leaves out is added here, along the type's shape: the patterns of texts
(:mod:`backends.runtime.public.texts`), that objects have no members beyond their type's, that
a Decimal may come as a number. A set may have an element twice on its way in, as in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect as shapes

from backends.runtime.public.texts import pattern_of

__all__ = ["Json", "schemas_of"]

Json = dict[str, Any]

_PLACE = "#/components/schemas/"


def schemas_of(kinds: Iterable[Any]) -> tuple[tuple[Json, ...], Json]:
    """The schema of each type, and those of the classes that they name."""
    kinds = list(kinds)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=f"{_PLACE}{{name}}")
    completing = _Completing(components)
    for kind, schema in zip(kinds, schemas, strict=True):
        completing.complete(shapes.type_info(kind), schema)
    return schemas, components


class _Completing:
    """Adds to schemas, each class's once, as classes may hold themselves."""

    def __init__(self, components: Json) -> None:
        self._components = components
        self._done: set[str] = set()

    def complete(self, shape: shapes.Type, schema: Json) -> None:
        """Add to the schema of a type and of all that it is made of."""
        shape = _bare(shape)
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(_PLACE)
            if name not in self._done:
                self._done.add(name)
                self._class(shape, self._components[name])
        elif isinstance(shape, shapes.UnionType):
            self._union(shape, schema)
        elif isinstance(shape, shapes.CollectionType):
            schema.pop("uniqueItems", None)
            if "items" in schema:
                self.complete(shape.item_type, schema["items"])
        elif isinstance(shape, shapes.TupleType):
            for part, of_part in zip(shape.item_types, schema.get("prefixItems", ()), strict=True):
                self.complete(part, of_part)
        elif isinstance(shape, shapes.DictType):
            self._dictionary(shape, schema)
        elif (pattern := pattern_of(shape)) is not None:
            schema["pattern"] = pattern
            if isinstance(shape, shapes.DecimalType):
                schema["type"] = ["string", "number"]

    def _class(self, shape: Any, schema: Json) -> None:
        if isinstance(shape, shapes.EnumType):
            return
        if schema["type"] == "object":
            schema["additionalProperties"] = False
            schema["required"] = [each.encode_name for each in shape.fields if each.required]
            for field in shape.fields:
                self.complete(field.type, schema["properties"][field.encode_name])
        else:  # an array, with its tag before the fields
            of_fields = schema["prefixItems"][-len(shape.fields) :] if shape.fields else []
            for field, of_field in zip(shape.fields, of_fields, strict=True):
                self.complete(field.type, of_field)

    def _union(self, shape: shapes.UnionType, schema: Json) -> None:
        """Of the alternatives, of which msgspec lists those that are Structs and null last."""
        parts = [_bare(each) for each in shape.types]
        structs: list[Any] = [each for each in parts if _is_struct(each)]
        others = [e for e in parts if not _is_struct(e) and not isinstance(e, shapes.NoneType)]
        listed = schema["anyOf"]
        of_structs = listed[len(others) :]
        if len(structs) > 1:  # they stand in a schema of their own, with what tells them apart
            own = schema if "discriminator" in schema else of_structs[0]
            own["required"] = [structs[0].tag_field]
            of_structs = own["anyOf"]
        for each, of_each in zip(
            [*others, *structs], [*listed[: len(others)], *of_structs], strict=False
        ):
            self.complete(each, of_each)

    def _dictionary(self, shape: shapes.DictType, schema: Json) -> None:
        if (names := _names(shape.key_type)) is not None:
            schema["propertyNames"] = names
        if "additionalProperties" in schema:
            self.complete(shape.value_type, schema["additionalProperties"])


def _bare(shape: shapes.Type) -> shapes.Type:
    while isinstance(shape, shapes.Metadata):
        shape = shape.type
    return shape


def _is_struct(shape: shapes.Type) -> bool:
    return isinstance(shape, shapes.StructType) and not shape.array_like


def _names(key: shapes.Type) -> Json | None:
    """What the names of a dictionary's members are; None if msgspec says it, or it is any text."""
    key = _bare(key)
    if isinstance(key, shapes.UnionType):
        parts = [_names(each) for each in key.types]
        return None if None in parts else {"anyOf": parts}
    if isinstance(key, shapes.EnumType):
        return {"enum": sorted(str(each.value) for each in key.cls)}
    if isinstance(key, shapes.LiteralType):
        return {"enum": sorted(map(str, key.values))}
    pattern = pattern_of(key, name=True)
    return {"pattern": pattern} if pattern else None
