"""Keys of the store as a person reads them, for messages."""

from __future__ import annotations

from core.event_keys import event_of
from core.keys import decode_key
from core.layout import (
    ALARMS,
    CANCELLED,
    CLIENT_KEYS,
    CLIENT_KEYS_BY_ROOT,
    DATA,
    DEATHS,
    EVENTS,
    EVENTS_BY_TIME,
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

__all__ = ["awaited_by", "readable_key", "shown_event"]


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
        return f"the waiting of {waiting(key).hex()} for {awaited_by(key)}"
    if key[:1] == EVENTS.begin:
        return _of_event(key)
    if key[:1] == EVENTS_BY_TIME.begin:
        return f"the time of the event {shown_event(event_of(key))}"
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


def shown_event(event: bytes) -> str:
    """``name of key``."""
    name, _, key = event.partition(b"\x00")
    return f"{name.decode(errors='replace')} of {_element(key)}"


def awaited_by(key: bytes) -> str:
    """What is waited for by whoever is registered under a key."""
    if key[:1] == WAITERS.begin:
        return f"the answer of {key[1:17].hex()}"
    return _of_event(key).rpartition(" for ")[2]


def _of_event(key: bytes) -> str:
    """An event that has happened, or who waits for it: what follows the event's key tells."""
    start = key.index(b"\x00") + 1 if b"\x00" in key else len(key)
    for end in range(start, len(key)):
        if key[end] < 2 and _is_key(key[start:end]):
            event, waiter = shown_event(key[1:end]), key[end + 1 : end + 17]
            return (
                f"the waiting of {waiter.hex()} for the event {event}"
                if waiter
                else (f"the event {event}")
            )
    return repr(key)


def _is_key(data: bytes) -> bool:
    try:
        decode_key(data)
    except Exception:  # then it is none
        return False
    return True


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
