"""Keys of the store as a person reads them, for messages."""

from __future__ import annotations

from core.keys import decode_key
from core.layout import (
    ALARMS,
    CANCELLED,
    CLIENT_KEYS,
    CLIENT_KEYS_BY_ROOT,
    DATA,
    DEATHS,
    INTENTS,
    JOURNAL,
    LINES,
    PLACES,
    PROMISED,
    RESTING,
    SCHEDULES,
    SECRET,
    SET_ASIDE,
    SET_UP,
    WAITERS,
    WATERMARK,
    alarmed,
    waiting,
)

__all__ = ["readable_key"]


def readable_key(key: bytes) -> str:
    """``Service.field[element]`` for data, a description for everything else."""
    if key[:1] == DATA.begin and key.count(b"\x00") >= 2:
        service, field, element = key[1:].split(b"\x00", 2)
        name = f"{service.decode(errors='replace')}.{field.decode(errors='replace')}"
        return f"{name}[{_element(element)}]" if element else name
    if key == WATERMARK:
        return "the retention watermark"
    if key == SECRET:
        return "what the deployment keeps secret"
    if key == SET_UP:
        return "the mark of what the store was set up for"
    if key[:1] == SCHEDULES.begin:
        return f"the schedule of {key[1:].decode(errors='replace')}"
    if key[:1] == DEATHS.begin:
        return f"what died of a request of {key[1:17].hex()}"
    if key[:1] == ALARMS.begin:
        return f"an alarm of {alarmed(key).hex()}"
    if key[:1] == PLACES.begin:
        return f"the place in line of {key[1:17].hex()}"
    if key[:1] == LINES.begin:
        return f"the line of {key[1:].partition(bytes(1))[0].decode(errors='replace')}"
    if key[:1] == WAITERS.begin:
        return f"the waiting of {waiting(key).hex()} for {key[1:17].hex()}"
    sections = (
        (INTENTS, "intent"),
        (SET_ASIDE, "set-aside request"),
        (RESTING, "resting request"),
        (PROMISED, "promise of"),
        (CANCELLED, "cancellation of"),
    )
    for section, name in sections:
        if key[:1] == section.begin:
            return f"the {name} {key[1:17].hex()}"
    if key[:1] == CLIENT_KEYS.begin:
        return f"the client key {key[1:].decode(errors='replace')!r}"
    if key[:1] == CLIENT_KEYS_BY_ROOT.begin:
        return f"the client key of {key[1:].hex()}"
    return _journal(key) if key[:1] == JOURNAL.begin else repr(key)


def _element(element: bytes) -> str:
    try:
        return repr(decode_key(element))
    except Exception:  # whatever it is, it can be shown
        return element.hex()


def _journal(key: bytes) -> str:
    root, rest = key[1:17], key[17:]
    numbers: list[str] = []
    while rest and rest[0]:
        size = rest[0]
        numbers.append(str(int.from_bytes(rest[1 : 1 + size], "big")))
        rest = rest[1 + size :]
    place = int.from_bytes(rest[2:], "big") if rest else -1
    return f"the journal of {'/'.join((root.hex(), *numbers))}, region {place}"
