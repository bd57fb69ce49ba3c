"""Where everything lives in the store.

===================================  ==================================================
key                                  value
===================================  ==================================================
``a`` time root                      an alarm: when a tree is to be driven (:mod:`core.alarms`)
``b`` root                           a request promised to a client (:mod:`core.promises`)
``c``                                what the deployment keeps secret
``d`` service ``00`` field ``00`` e  application data, element key ``e`` (:mod:`core.keys`)
``e`` method                         when a schedule is due (:mod:`core.schedules`)
``f`` moment name ``00`` key         that an event was signalled at a moment (:mod:`core.events`)
``g`` name ``00`` key ``00``         that an event has happened: its value
``g`` name ``00`` key ``01`` waiter  that a request waits for it, at a place: path ``00`` place
``h`` root waiter path ``00`` place  that a request waits for the answer of a started one
``i`` root                           the intent of a request tree not yet complete
``j`` root path ``00`` place         the journal record of a region
``i``/``j``/``b``/``x``/``y`` ... n  the n-th continuation of one too long for one value
``k`` client key                     the root id that a client's key stands for
``l`` object                         the baseline's lock of an object: its holder
``o`` object                         the baseline's object: all or a part of a field's data
``p`` root path ``00`` step          the baseline's record of a step
``q`` root path 00 name              that a process died of a request (:mod:`core.poison`)
``r`` root                           the client key that stands for the root id
``s``                                what the store was set up for
``t`` transaction service ``00`` e   what a transaction of the baseline holds in a service
``u`` queue ``00`` digest            a line: who is in, and how many wait (:mod:`core.lines`)
``u`` queue ``00`` digest turn       one who waits in it
``v`` root path ``00``               the place that a request has in a line
``w``                                the retention watermark, a root id
``x`` root                           the note of a request set aside (:mod:`core.aside`)
``y`` root                           the intent of a tree that rests (:mod:`core.alarms`)
``z`` root                           that a tree is cancelled (:mod:`core.cancelling`)
===================================  ==================================================

The baseline (:mod:`core.popl23`) has sections of its own; an object's name is service ``00``
field ``00`` and, where a field is several, the number of the bucket.

Root ids sort by time, so one range clear forgets everything up to a moment. A
request's own regions are contiguous and apart from its children's.
"""

from __future__ import annotations

import hashlib

from core.ids import RequestId
from core.store import KeyRange

__all__ = [
    "ALARMS",
    "CANCELLED",
    "CLIENT_KEYS",
    "CLIENT_KEYS_BY_ROOT",
    "DATA",
    "DEATHS",
    "EVENTS",
    "EVENTS_BY_TIME",
    "INTENTS",
    "JOURNAL",
    "LINES",
    "LOCKS",
    "LOG",
    "OBJECTS",
    "PARTS",
    "PLACES",
    "PROMISED",
    "RESTING",
    "SCHEDULES",
    "SECRET",
    "SET_ASIDE",
    "SET_UP",
    "VERDICT",
    "WAITERS",
    "WATERMARK",
    "alarm_key",
    "alarmed",
    "cancelled_key",
    "client_key",
    "client_key_of_root",
    "data_prefix",
    "death_key",
    "deaths_of",
    "deaths_of_tree",
    "field_range",
    "intent_key",
    "intent_range",
    "is_verdict",
    "journal_key",
    "journal_place",
    "journal_range",
    "line_key",
    "line_of",
    "lock_key",
    "log_key",
    "object_key",
    "object_name",
    "object_prefix",
    "part_of",
    "part_prefix",
    "place_key",
    "placed",
    "places_of",
    "promised_key",
    "promised_range",
    "resting_key",
    "resting_range",
    "root_of",
    "schedule_key",
    "set_aside_key",
    "set_aside_range",
    "transaction_id",
    "tree_range",
    "turn_key",
    "turns_before",
    "up_to",
    "waiter_key",
    "waiters_of",
    "waiting",
]

ALARMS = KeyRange(b"a", b"b")
PROMISED = KeyRange(b"b", b"c")
DATA = KeyRange(b"d", b"e")
SCHEDULES = KeyRange(b"e", b"f")
EVENTS_BY_TIME = KeyRange(b"f", b"g")
EVENTS = KeyRange(b"g", b"h")
WAITERS = KeyRange(b"h", b"i")
INTENTS = KeyRange(b"i", b"j")
JOURNAL = KeyRange(b"j", b"k")
CLIENT_KEYS = KeyRange(b"k", b"l")
CLIENT_KEYS_BY_ROOT = KeyRange(b"r", b"s")
LOCKS = KeyRange(b"l", b"m")
OBJECTS = KeyRange(b"o", b"p")
LOG = KeyRange(b"p", b"q")
DEATHS = KeyRange(b"q", b"r")
PARTS = KeyRange(b"t", b"u")
LINES = KeyRange(b"u", b"v")
PLACES = KeyRange(b"v", b"w")
SET_ASIDE = KeyRange(b"x", b"y")
RESTING = KeyRange(b"y", b"z")
CANCELLED = KeyRange(b"z", b"{")
SECRET = b"c"
SET_UP = b"s"
WATERMARK = b"w"

VERDICT = 2**64 - 1
"""The place of the record that a request cannot be completed: after all others, so that every
look into the journal finds it, wherever the attempt stands."""


_DIGEST = 16
"""Bytes that stand for the value of which a line is."""


def data_prefix(service: str, field: str) -> bytes:
    """The prefix of every key of one persistent field."""
    return b"d%b\x00%b\x00" % (service.encode(), field.encode())


def _number(value: int) -> bytes:
    """A positive number that sorts in order: its length, then its bytes; never ``00`` first."""
    size = (value.bit_length() + 7) // 8 or 1
    return bytes((size,)) + value.to_bytes(size, "big")


def _named(request: RequestId) -> bytes:
    """The id as part of a key: a request's own keys are contiguous, its children's elsewhere."""
    return b"%b%b\x00" % (request.root, b"".join(map(_number, request.path)))


def _own(request: RequestId) -> bytes:
    return b"j" + _named(request)


def journal_key(request: RequestId, place: int) -> bytes:
    """The key of the record of the region that starts at ``place``."""
    return _own(request) + _number(place)


def journal_place(request: RequestId, key: bytes) -> tuple[int, int]:
    """The place in a journal key of the request, and the number of the continuation (0: none)."""
    start = len(_own(request)) + 1
    end = start + key[start - 1]
    return int.from_bytes(key[start:end], "big"), int.from_bytes(key[end:], "big")


def journal_range(request: RequestId) -> KeyRange:
    """Every journal record of the request, without its children's."""
    own = _own(request)
    return KeyRange(own, own[:-1] + b"\x01")


def is_verdict(key: bytes) -> bool:
    """Whether a journal key is that of a verdict."""
    return key.endswith(b"\x00" + _number(VERDICT))


def tree_range(root: bytes) -> KeyRange:
    """Every journal record of a tree."""
    return KeyRange(JOURNAL.begin + root, JOURNAL.begin + root + b"\xff")


def intent_key(root: bytes) -> bytes:
    """The key of the tree's intent."""
    return b"i" + root


def intent_range(root: bytes) -> KeyRange:
    """The intent with its continuations."""
    key = intent_key(root)
    return KeyRange(key, key + b"\xff")


def death_key(request: RequestId, name: bytes) -> bytes:
    """The key under which stands that a process died of the request; ``name`` is that death's."""
    return b"q" + _named(request) + name


def deaths_of(request: RequestId) -> KeyRange:
    """Every process that died of the request, without those that died of its children."""
    own = death_key(request, b"")
    return KeyRange(own, own[:-1] + b"\x01")


def deaths_of_tree(root: bytes) -> KeyRange:
    """Every process that died of a request of the tree."""
    return KeyRange(DEATHS.begin + root, DEATHS.begin + root + b"\xff")


def waiter_key(root: bytes, waiter: RequestId, place: int) -> bytes:
    """The key under which stands that a request waits, at a place, for the answer of a root."""
    return b"h" + root + _named(waiter) + _number(place)


def waiters_of(root: bytes) -> KeyRange:
    """All that wait for the answer of a root."""
    return KeyRange(WAITERS.begin + root, WAITERS.begin + root + b"\xff")


def waiting(key: bytes) -> bytes:
    """The root id of the tree that waits, in the key of a waiter."""
    return key[17:33]


def alarm_key(time_ns: int, root: bytes) -> bytes:
    """The key of the alarm of a tree at a time, in Unix nanoseconds."""
    return b"a" + time_ns.to_bytes(8, "big") + root


def alarmed(key: bytes) -> bytes:
    """The root id in the key of an alarm."""
    return key[9:]


def cancelled_key(root: bytes) -> bytes:
    """The key under which stands that a tree is cancelled."""
    return b"z" + root


def schedule_key(method: str) -> bytes:
    """The key of the schedule of ``Service.method``."""
    return b"e" + method.encode()


def line_key(queue: str, value: bytes) -> bytes:
    """The key of the line of a queue for a value, as it is encoded."""
    digest = hashlib.blake2b(value, digest_size=_DIGEST).digest()
    return b"u%b\x00%b" % (queue.encode(), digest)


def turn_key(line: bytes, turn: int) -> bytes:
    """The key of the one who waits in a line at a turn."""
    return line + turn.to_bytes(8, "big")


def turns_before(line: bytes, turn: int = 2**64 - 1) -> KeyRange:
    """All that wait in a line before a turn."""
    return KeyRange(turn_key(line, 0), turn_key(line, turn))


def line_of(key: bytes) -> bytes:
    """The key of the line, in the key of one who waits in it; a line's own is left as it is."""
    return key[: key.index(b"\x00") + 1 + _DIGEST]


def place_key(request: RequestId) -> bytes:
    """The key under which stands where a request is in line."""
    return b"v" + _named(request)


def placed(key: bytes) -> RequestId:
    """The request in the key of a place."""
    path, rest = [], key[17:]
    while rest[0]:
        path.append(int.from_bytes(rest[1 : 1 + rest[0]], "big"))
        rest = rest[1 + rest[0] :]
    return RequestId(key[1:17], tuple(path))


def places_of(root: bytes) -> KeyRange:
    """The places that the requests of a tree have."""
    return KeyRange(PLACES.begin + root, PLACES.begin + root + b"\xff")


def resting_key(root: bytes) -> bytes:
    """The key of the intent of a tree that rests."""
    return b"y" + root


def resting_range(root: bytes) -> KeyRange:
    """The intent of a tree that rests, with its continuations."""
    key = resting_key(root)
    return KeyRange(key, key + b"\xff")


def promised_key(root: bytes) -> bytes:
    """The key under which stands what was promised to a client."""
    return b"b" + root


def promised_range(root: bytes) -> KeyRange:
    """What was promised, with its continuations."""
    key = promised_key(root)
    return KeyRange(key, key + b"\xff")


def root_of(key: bytes) -> bytes:
    """The root id in the key of an intent, a promise, a note of what is set aside, or of a part."""
    return key[1:17]


def set_aside_key(root: bytes) -> bytes:
    """The key under which a request that cannot be completed is kept."""
    return b"x" + root


def set_aside_range(root: bytes) -> KeyRange:
    """The note with its continuations."""
    key = set_aside_key(root)
    return KeyRange(key, key + b"\xff")


def client_key(text: bytes) -> bytes:
    """The key under which stands what root id a client's own key means."""
    return b"k" + text


def client_key_of_root(root: bytes) -> bytes:
    """The key under which stands what client's key means the root id."""
    return b"r" + root


def up_to(section: KeyRange, root: bytes) -> KeyRange:
    """The part of a section whose root ids sort before ``root``."""
    return KeyRange(section.begin, section.begin + root)


def field_range(section: KeyRange, service: str, field: str) -> KeyRange:
    """All of a field in the section where an application's data lie."""
    named = section.begin + data_prefix(service, field)[len(DATA.begin) :]
    return KeyRange(named, named[:-1] + b"\x01")


# --- the baseline's


def object_name(service: str, field: str, bucket: int | None = None) -> bytes:
    """The name of an object: a field's, or one of its buckets'."""
    number = b"" if bucket is None else bucket.to_bytes(2, "big")
    return b"%b\x00%b\x00%b" % (service.encode(), field.encode(), number)


def object_key(name: bytes) -> bytes:
    """The key of an object."""
    return b"o" + name


def object_prefix(name: bytes) -> bytes:
    """The prefix of the application's data in the object ``name``, as :func:`data_prefix`."""
    service, field, _ = name.split(b"\x00", 2)
    return b"d%b\x00%b\x00" % (service, field)


def lock_key(name: bytes) -> bytes:
    """The key of an object's lock."""
    return b"l" + name


def log_key(request: RequestId, step: int) -> bytes:
    """The key of the record of a step."""
    return b"p" + _named(request) + _number(step)


def transaction_id(request: RequestId, number: int) -> bytes:
    """Names a try at a transaction that the request began."""
    return _named(request) + _number(number)


def began_transaction(transaction: bytes) -> bytes:
    """The request that began a transaction, whichever try it is; these sort by their roots' age."""
    end = 16
    while transaction[end]:
        end += 1 + transaction[end]
    return transaction[:end]


def part_prefix(transaction: bytes, service: str) -> bytes:
    """The prefix of all that a transaction holds in a service."""
    return b"t%b%b\x00" % (transaction, service.encode())


def part_of(key: bytes) -> tuple[bytes, bytes, bytes]:
    """The transaction's id and the service's name in a key of a part, and what follows them."""
    end = 17
    while key[end]:
        end += 1 + key[end]
    end += 2 + key[end + 1]
    service, _, rest = key[end:].partition(b"\x00")
    return key[1:end], service, rest
