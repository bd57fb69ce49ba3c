"""Persistent fields as attributes of a service's object in a reference run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.api.containers.base import Keeper
from compiler.api.containers.dicts import StoredDict
from compiler.api.containers.lists import StoredList
from compiler.api.containers.sets import StoredSet
from core.fields import FIELDS, Field

__all__ = ["Container", "StoredField", "make_field"]

Container = StoredDict | StoredList | StoredSet
_CONTAINERS: dict[str, type[Container]] = {"dict": StoredDict, "list": StoredList, "set": StoredSet}
_MISSING = object()


class StoredField:
    """A field of one reference run: a property of the service's object, and store content.

    :ivar layout: the field as it lies in the store.
    """

    def __init__(self, keeper: Keeper, layout: Field) -> None:
        self._keeper = keeper
        self.layout = layout

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else self.get()

    def __set__(self, instance: object, value: Any) -> None:
        self.set(value)

    def __delete__(self, instance: object) -> None:
        raise AttributeError(
            f"{self.layout.service}.{self.layout.name} is persistent and cannot be deleted: "
            "assign an empty value"
        )

    def get(self) -> Any:
        """What reading the attribute gives."""
        raise NotImplementedError

    def set(self, value: Any) -> None:
        """Replace the value, by a copy."""
        raise NotImplementedError

    def dump(self) -> dict[bytes, bytes]:
        """The value as store content."""
        raise NotImplementedError

    def load(self, pairs: Mapping[bytes, bytes]) -> None:
        """Set the value from store content; keys of other fields are ignored."""
        self.set(self.layout.decode(pairs))


class _ContainerField(StoredField):
    """A field whose elements are stored one by one."""

    def __init__(self, keeper: Keeper, layout: Field, container: Container) -> None:
        super().__init__(keeper, layout)
        self._container: Any = container

    def get(self) -> Container:
        """The container itself."""
        container: Container = self._container
        return container

    def set(self, value: Any) -> None:
        """Replace what the container holds."""
        if value is self._container:
            return  # the last step of an augmented assignment
        plain = value.copy() if isinstance(value, Container) else value
        self.layout.check(plain)
        self._container.replace(plain)

    def dump(self) -> dict[bytes, bytes]:
        """The container as store content."""
        return self.layout.initial(self._container.copy())


class _ValueField(StoredField):
    """A field that holds one value."""

    def __init__(self, keeper: Keeper, layout: Field) -> None:
        super().__init__(keeper, layout)
        self._kept: Any = _MISSING

    def get(self) -> Any:
        """A copy of the value."""
        if self._kept is _MISSING:
            raise AttributeError(
                f"{self.layout.service!r} object has no attribute {self.layout.name!r}"
            )
        return self._keeper.copy(self._kept)

    def set(self, value: Any) -> None:
        """Keep a copy."""
        kept = self._keeper.copy(value)
        self._keeper.undo.record(self._restore, self._kept)
        self._kept = kept

    def _restore(self, kept: Any) -> None:
        self._kept = kept

    def load(self, pairs: Mapping[bytes, bytes]) -> None:
        """Set the value from store content; no value if there is none."""
        if self.layout.prefix in pairs:
            super().load(pairs)
        else:
            self._keeper.undo.record(self._restore, self._kept)
            self._kept = _MISSING

    def dump(self) -> dict[bytes, bytes]:
        """The value as store content; none if there is no value."""
        return {} if self._kept is _MISSING else self.layout.initial(self._kept)


def make_field(keeper: Keeper, service: str, name: str, kind: str) -> StoredField:
    """An empty field.

    :param kind: ``dict``, ``list``, ``set`` or ``value``.
    """
    layout = FIELDS[kind](service, name, keeper.codec)
    container = _CONTAINERS.get(kind)
    if container is None:
        return _ValueField(keeper, layout)
    return _ContainerField(keeper, layout, container(keeper))
