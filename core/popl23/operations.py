"""An operation on a field, as the accesses that it takes: in a transaction, as one, or alone."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from core.popl23.access import AT_ONCE, Access
from core.popl23.objects import Content, Operation, data_of, is_whole, run, split, whole_content
from core.popl23.part import Part
from core.ports import Effect

__all__ = ["Locked", "alone", "as_a_transaction", "content_together", "inside"]

Objects = list[bytes | None]
Asked = Generator[Effect, Any, Objects]
"""The objects as the operation found them."""


class Locked(Exception):
    """Another transaction holds a lock: this try at the transaction is over."""


def inside(
    access: Access, operation: Operation, names: list[bytes], part: Part, buckets: bool
) -> Asked:
    """In a transaction: read, and write if there is anything to be written.

    :raises Locked: another one holds a lock.
    """
    record = yield from access.read(part, names)
    if record.locked:
        raise Locked
    changed = _changed(operation, names, record.objects, buckets)
    if changed and (yield from access.write(part, changed)).locked:
        raise Locked
    return record.objects


def as_a_transaction(
    access: Access, operation: Operation, names: list[bytes], part: Part, buckets: bool
) -> Asked:
    """On a whole field outside of transactions: in one of its own, when nobody has the lock."""
    while (record := (yield from access.read(part, names))).locked:
        yield AT_ONCE
    yield from access.write(part, _changed(operation, names, record.objects, buckets))
    yield from access.end(part, commits=True)
    return record.objects


def unprotected(access: Access, operation: Operation, names: list[bytes], buckets: bool) -> Asked:
    """On a whole field where there are no transactions: read it, and write it back later."""
    record = yield from access.alone(names, lambda _: {}, heeds_locks=False)
    yield from access.put(_changed(operation, names, record.objects, buckets))
    return record.objects


def alone(
    access: Access, operation: Operation, names: list[bytes], heeds_locks: bool, buckets: bool
) -> Asked:
    """On buckets outside of transactions: in one access."""
    record = yield from access.alone(
        names, lambda objects: _changed(operation, names, objects, buckets), heeds_locks
    )
    return record.objects


def _changed(operation: Operation, names: list[bytes], objects: Objects, buckets: bool) -> Content:
    """The objects that an operation leaves other than it found them; whole fields always."""
    made = split(operation.field, run(operation, content_together(objects)).content, buckets)
    after = {name: whole_content(made.get(name, {})) for name in names}
    if is_whole(operation.field, buckets):
        return after
    before = dict(zip(names, map(whole_content, map(data_of, objects)), strict=True))
    return {name: value for name, value in after.items() if value != before[name]}


def content_together(objects: Objects) -> Content:
    """What objects hold together."""
    content: Content = {}
    for value in objects:
        content.update(data_of(value))
    return content
