"""Envelopes: what was sealed opens as it was, once, where it was meant to; nothing else does."""

import hmac
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.runtime.wire import (
    KEY_BYTES,
    MAC_BYTES,
    PASS_HEADER,
    SMALL,
    WINDOW,
    WIRE_VERSION,
    Answer,
    Call,
    Forged,
    Malformed,
    OtherVersion,
    Stale,
    Wire,
    WireError,
)
from core.errors import MuError
from core.ids import RequestId
from core.messages import (
    Failed,
    Origin,
    Raised,
    Reply,
    Request,
    Returned,
    Travel,
    Travelled,
)
from core.store import ATOMIC_OPERATIONS, Atomic, Clear, ClearRange, KeyRange, Set

KEY = b"k" * 32


class Clock:
    def __init__(self, seconds=1_700_000_000.0):
        self.seconds = seconds

    def __call__(self):
        return int(self.seconds * 1e9)


def wire(key=KEY, clock=None):
    return Wire(key, clock or Clock())


def a_call(**fields):
    given = {"args": b"args", "origin": Origin("Hotel", "reserve", b"args"), **fields}
    return Call(Request(RequestId(b"r" * 16, (1, 2)), "Hotel", "reserve", **given))


AN_ANSWER = Answer(Reply(RequestId(b"r" * 16), Returned(b"value")))


def seal_by_hand(body, key=KEY):
    return hmac.digest(key, body, "sha256") + body


# --- round trips

short = st.binary(max_size=20)
places = st.lists(st.integers(0, 2**31), max_size=4).map(tuple)
ids = st.builds(RequestId, st.binary(min_size=16, max_size=16), places)
ranges = st.builds(KeyRange, short, short)
mutations = st.one_of(
    st.builds(Set, short, short),
    st.builds(Clear, short),
    st.builds(ClearRange, short, short),
    st.builds(Atomic, st.sampled_from(sorted(ATOMIC_OPERATIONS)), short, short),
)
travels = st.builds(Travel, st.integers(0, 2**63 - 1), st.lists(mutations, max_size=4))
origins = st.builds(Origin, st.text(max_size=8), st.text(max_size=8), short)
requests = st.builds(
    Request,
    ids,
    st.text(max_size=8),
    st.text(max_size=8),
    short,
    origins,
    st.none() | travels,
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**63 - 1),
)
outcomes = st.one_of(
    st.builds(Returned, short),
    st.builds(Raised, st.text(max_size=8), short, st.text(max_size=8)),
    st.builds(Failed, st.text(max_size=8), st.booleans(), st.text(max_size=8)),
)
some_ranges = st.lists(ranges, max_size=3)
travelled = st.builds(
    Travelled,
    some_ranges,
    some_ranges,
    st.lists(mutations, max_size=3),
    st.lists(st.text(max_size=8), max_size=3),
)
replies = st.builds(
    Reply,
    ids,
    outcomes,
    st.none() | travelled,
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**63 - 1),
    st.lists(st.text(max_size=8), max_size=3),
)


@given(requests)
def test_a_call_opens_as_it_was_sealed(request):
    envelope, nonce = wire().seal(Call(request))
    assert wire().open_call(envelope) == (Call(request), nonce)


@given(replies, st.lists(short, max_size=3))
def test_an_answer_opens_as_it_was_sealed(reply, notes):
    envelope, nonce = wire().seal(Answer(reply, notes))
    assert wire().open_answer(envelope, nonce) == Answer(reply, notes)


# --- tampering


def test_every_truncation_is_refused():
    envelope, _ = wire().seal(a_call())
    for length in range(len(envelope)):
        with pytest.raises(WireError) as refused:
            wire().open_call(envelope[:length])
        assert refused.value.status == (400 if length <= MAC_BYTES else 401)


def test_every_flipped_bit_is_refused():
    envelope, nonce = wire().seal(a_call())
    answer, _ = wire().seal(AN_ANSWER, nonce)
    for sealed, opens in (
        (envelope, lambda data: wire().open_call(data)),
        (answer, lambda data: wire().open_answer(data, nonce)),
    ):
        for bit in range(8 * len(sealed)):
            flipped = bytearray(sealed)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(Forged):
                opens(bytes(flipped))


@given(short)
@settings(max_examples=50)
def test_what_is_appended_is_refused(tail):
    envelope, _ = wire().seal(a_call())
    if tail:
        with pytest.raises(Forged):
            wire().open_call(envelope + tail)


def test_another_key_is_refused():
    envelope, nonce = wire(b"x" * 32).seal(a_call())
    with pytest.raises(Forged) as refused:
        wire().open_call(envelope)
    assert refused.value.status == 401
    with pytest.raises(Forged):
        wire().open_answer(wire(b"x" * 32).seal(AN_ANSWER, nonce)[0], nonce)


@given(st.binary(max_size=200))
def test_anything_else_is_refused(data):
    with pytest.raises(WireError):
        wire().open_call(data)


# --- sealed with the right key, and still not good


def body(*fields):
    return msgspec.msgpack.encode(list(fields))


def message(value):
    return msgspec.Raw(msgspec.msgpack.encode(value))


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        (b"\xc1", Malformed),
        (body(), Malformed),
        (body(WIRE_VERSION, "now", b"n", message(a_call())), Malformed),
        (body(WIRE_VERSION, Clock()(), b"n", message(a_call())) + b"\x00", Malformed),
        (body(WIRE_VERSION, Clock()(), b"n", message(["else", 1])), Malformed),
        (body(WIRE_VERSION, Clock()(), b"n", message(["call", "no request"])), Malformed),
        (body(WIRE_VERSION, Clock()(), b"n", message(b"\xff")), Malformed),
        (body(WIRE_VERSION + 1, Clock()(), b"n", message("whatever")), OtherVersion),
        (body(WIRE_VERSION + 1, Clock()(), b"n", message(1), "new in that version"), OtherVersion),
        (body(0, Clock()(), b"n", message(a_call())), OtherVersion),
    ],
)
def test_a_sealed_envelope_that_makes_no_sense_is_refused(content, refused):
    with pytest.raises(refused):
        wire().open_call(seal_by_hand(content))


def test_garbage_after_the_message_is_refused():
    raw = msgspec.Raw(msgspec.msgpack.encode(a_call()) + b"\x01")
    content = msgspec.msgpack.encode([WIRE_VERSION, Clock()(), b"n", raw])
    with pytest.raises(Malformed):
        wire().open_call(seal_by_hand(content))


def test_text_that_is_no_text_is_refused():
    encoded = msgspec.msgpack.encode(a_call()).replace(b"reserve", b"\xff\xfe\xfderve")
    content = body(WIRE_VERSION, Clock()(), b"n", msgspec.Raw(encoded))
    with pytest.raises(Malformed):
        wire().open_call(seal_by_hand(content))


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\x00"])
def test_deep_nesting_is_refused(opening):
    deep = msgspec.Raw(opening * 200_000 + b"\x00")
    for content in (body(WIRE_VERSION, Clock()(), b"n", deep), opening * 200_000 + b"\x00"):
        with pytest.raises(Malformed):
            wire().open_call(seal_by_hand(content))


def test_a_call_is_no_answer_and_an_answer_no_call():
    """Whoever reflects an envelope at its sender gets nothing done."""
    call, nonce = wire().seal(a_call())
    with pytest.raises(Malformed):
        wire().open_answer(call, nonce)
    with pytest.raises(Malformed):
        wire().open_call(wire().seal(AN_ANSWER)[0])


# --- time


@pytest.mark.parametrize("off", [-WINDOW + 1, 0, WINDOW - 1])
def test_clocks_may_differ_a_little(off):
    here = wire()
    envelope, nonce = wire(clock=Clock(Clock().seconds + off)).seal(a_call())
    assert here.open_call(envelope)[1] == nonce


@pytest.mark.parametrize("off", [-1e9, -WINDOW - 1, WINDOW + 1, 1e9])
def test_what_is_stale_or_from_the_future_is_refused(off):
    elsewhere = wire(clock=Clock(Clock().seconds + off))
    envelope, nonce = elsewhere.seal(a_call())
    with pytest.raises(Stale) as refused:
        wire().open_call(envelope)
    assert refused.value.status == 401
    with pytest.raises(Stale):
        wire().open_answer(elsewhere.seal(AN_ANSWER, nonce)[0], nonce)


# --- replay


@pytest.mark.parametrize("ahead", [0.0, WINDOW - 1])
def test_an_envelope_opens_once_for_as_long_as_it_is_good(ahead):
    clock = Clock()
    here, elsewhere = wire(clock=clock), wire(clock=Clock(clock.seconds + ahead))
    envelope, _ = elsewhere.seal(a_call())
    here.open_call(envelope)
    for _ in range(int(2 * WINDOW) + 10):
        with pytest.raises(Stale):
            here.open_call(envelope)
        here.open_call(wire(clock=clock).seal(a_call())[0])  # others go by
        clock.seconds += 1


def test_a_replay_is_refused_also_when_the_clock_is_set_back():
    clock = Clock()
    here = wire(clock=clock)
    envelope, _ = here.seal(a_call())
    here.open_call(envelope)
    clock.seconds -= WINDOW / 2
    here.open_call(here.seal(a_call())[0])
    with pytest.raises(Stale):
        here.open_call(envelope)


def test_the_memory_of_what_was_opened_is_bounded():
    clock = Clock()
    here = wire(clock=clock)
    for _ in range(1_000):
        here.open_call(here.seal(a_call())[0])
        clock.seconds += 1
    assert len(here._seen) == len(here._order) <= 2 * WINDOW + 2


def test_what_is_refused_leaves_no_memory():
    here = wire()
    for content in (wire(b"x" * 32).seal(a_call())[0], b"", b"x" * 100):
        with pytest.raises(WireError):
            here.open_call(content)
    assert not here._seen


def test_an_answer_fits_its_own_call_only():
    here = wire()
    _, first = here.seal(a_call())
    _, second = here.seal(a_call())
    assert first != second
    answer, _ = here.seal(AN_ANSWER, first)
    with pytest.raises(Stale):
        here.open_answer(answer, second)
    with pytest.raises(Stale):
        here.open_answer(answer, b"")


# --- passes


def large(here):
    return here.seal(a_call(args=bytes(SMALL)))[0]


def test_what_is_small_needs_no_pass_and_what_is_large_comes_in_by_its_own_size():
    here = wire()
    small, _ = here.seal(a_call())
    assert here.passes(small) == {}
    assert here.admit({}) == here.admit({"content-length": str(SMALL)}) == SMALL
    with pytest.raises(Forged, match="comes with a pass"):
        here.admit({"content-length": str(SMALL + 1)})
    envelope = large(here)
    assert here.admit(here.passes(envelope)) == len(envelope) > SMALL


def test_a_pass_is_good_once_and_for_a_while():
    clock = Clock()
    here, there = wire(clock=clock), wire(clock=clock)
    given = here.passes(large(here))
    there.admit(given)
    with pytest.raises(Stale):
        there.admit(given)
    late = here.passes(large(here))
    clock.seconds += WINDOW + 1
    with pytest.raises(Stale):
        there.admit(late)


def test_nobody_makes_a_pass_without_the_key():
    here = wire()
    given = here.passes(large(here))[PASS_HEADER]
    version, sealed, size, nonce, mac = given.split(".")
    for forged in (
        "",
        ".",
        "....",
        mac,
        f"{version}.{sealed}.{int(size) + 1}.{nonce}.{mac}",
        f"{version}.{sealed}.{size}.{nonce}.{mac[:-1]}",
        f"{version}.{sealed}.{size}.{nonce}.é",
        wire(b"x" * 32).passes(large(here))[PASS_HEADER],
    ):
        with pytest.raises(Forged):
            here.admit({PASS_HEADER: forged})
    assert not here._seen


# --- keys


@pytest.mark.parametrize("length", [0, 1, KEY_BYTES - 1])
def test_a_short_key_is_refused(length):
    with pytest.raises(MuError, match=r"openssl rand -hex 32"):
        Wire(b"k" * length)


def test_the_clock_is_the_systems_unless_told():
    envelope, _ = Wire(KEY).seal(a_call())
    sealed = msgspec.msgpack.decode(envelope[MAC_BYTES:])[1]
    assert abs(sealed - time.time_ns()) < 5e9
