"""An exception's way through the application, on every machine the same."""

from core.codec import Codec
from core.errors import TransactionException
from core.traces import trace_of


class Refused(Exception):
    """One that an application declares."""


def fail(depth=0):
    if depth:
        return fail(depth - 1)
    return [][0]


def caught(function, *args):
    try:
        function(*args)
    except Exception as error:
        return error


def test_places_are_the_applications_own_from_the_package_on():
    places = trace_of(caught(fail, 1))
    assert [place.partition(":")[0] for place in places] == ["tests/core/test_traces.py"] * 3
    assert [place.partition(" in ")[2] for place in places] == ["caught", "fail", "fail"]


def test_libraries_and_the_executor_are_left_out():
    error = caught(Codec().encode, object())  # a class of neither
    assert [place.partition(" in ")[2] for place in trace_of(error)] == ["caught"]
    error = caught(__import__("json").loads, "[")
    assert [place.partition(" in ")[2] for place in trace_of(error)] == ["caught"]


def test_the_way_goes_on_in_the_service_that_was_called():
    codec = Codec()
    raised = codec.encode_exception(caught(fail))
    again = codec.decode_exception(raised)

    def caller():
        raise again

    whole = codec.encode_exception(caught(caller)).trace
    assert whole[-len(raised.trace) :] == raised.trace
    assert whole[1].endswith(".caller")
    assert len(whole) == len(raised.trace) + 2


def test_what_the_application_declares_has_no_trace():
    codec = Codec()
    codec.register(Refused)
    for error in (Refused("no"), TransactionException("no")):
        raised = codec.encode_exception(caught(lambda error=error: (_ for _ in ()).throw(error)))
        assert raised.trace == []


def test_a_mistake_without_a_line_of_the_application_is_one_all_the_same():
    assert Codec().encode_exception(ValueError("no")).trace == ["no line of the application"]


def test_a_recursion_without_end_keeps_its_innermost_places():
    assert len(trace_of(caught(fail, 200))) == 16


def test_where_an_exception_came_from_makes_no_two_answers_differ():
    codec = Codec()
    one, other = codec.encode_exception(caught(fail)), codec.encode_exception(caught(fail, 3))
    assert one.trace != other.trace
    assert one == other
    assert not one != other  # noqa: SIM202 - a Struct answers both
    assert hash(one) == hash(other)
    assert one != codec.encode_exception(ValueError())
