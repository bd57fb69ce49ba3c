"""Where everything lives in the store.

===================================  ==================================================
key                                  value
===================================  ==================================================
``c``                                what the deployment keeps secret
``d`` service ``00`` field ``00`` e  application data, element key ``e`` (:mod:`core.keys`)
``i`` root                           the intent of a request tree not yet complete
``j`` root path ``00`` place         the journal record of a region
``i``/``j``/``x`` ... n              the n-th continuation of one too long for one value
``k`` client key                     the root id that a client's key stands for
``r`` root                           the client key that stands for the root id
``s``                                what the store was set up for
``w``                                the retention watermark, a root id
``x`` root                           the note of a request set aside (:mod:`core.aside`)
===================================  ==================================================

Root ids sort by time, so one range clear forgets everything up to a moment. A
request's own regions are contiguous and apart from its children's.
"""

from __future__ import annotations

from core.ids import RequestId
from core.store import KeyRange

__all__ = [
    "CLIENT_KEYS",
    "CLIENT_KEYS_BY_ROOT",
    "DATA",
    "INTENTS",
    "JOURNAL",
    "SECRET",
    "SET_ASIDE",
    "SET_UP",
    "VERDICT",
    "WATERMARK",
    "client_key",
    "client_key_of_root",
    "data_prefix",
    "intent_key",
    "intent_range",
    "is_verdict",
    "journal_key",
    "journal_place",
    "journal_range",
    "root_of",
    "set_aside_key",
    "set_aside_range",
    "tree_range",
    "up_to",
]

DATA = KeyRange(b"d", b"e")
INTENTS = KeyRange(b"i", b"j")
JOURNAL = KeyRange(b"j", b"k")
CLIENT_KEYS = KeyRange(b"k", b"l")
CLIENT_KEYS_BY_ROOT = KeyRange(b"r", b"s")
SET_ASIDE = KeyRange(b"x", b"y")
SECRET = b"c"
SET_UP = b"s"
WATERMARK = b"w"

VERDICT = 2**64 - 1
"""The place of the record that a request cannot be completed: after all others, so that every
look into the journal finds it, wherever the attempt stands."""


def data_prefix(service: str, field: str) -> bytes:
    """The prefix of every key of one persistent field."""
    return b"d%b\x00%b\x00" % (service.encode(), field.encode())


def _number(value: int) -> bytes:
    """A positive number that sorts in order: its length, then its bytes; never ``00`` first."""
    size = (value.bit_length() + 7) // 8 or 1
    return bytes((size,)) + value.to_bytes(size, "big")


def _own(request: RequestId) -> bytes:
    return b"j%b%b\x00" % (request.root, b"".join(map(_number, request.path)))


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


def root_of(key: bytes) -> bytes:
    """The root id in the key of an intent, a note of a request set aside, or a continuation."""
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
