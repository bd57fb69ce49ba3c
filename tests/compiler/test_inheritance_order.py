"""Which definition is meant is what Python says of the very classes without the decorator."""

import textwrap

import pytest

from compiler.api.paper import wants_clients
from compiler.errors import CompileErrors
from tests.compiler.driver import compare, compiled

DIAMOND = """
class A:
    def who(self) -> str: return "A"
    async def late(self) -> str: return "A"
    @classmethod
    def kind(cls) -> str: return cls.word()
    @classmethod
    def word(cls) -> str: return "a"
    def asked(self) -> str: return self.kind()

class B(A):
    def who(self) -> str: return "B" + super().who()
    async def late(self) -> str: return "B" + await super().late()
    @classmethod
    def word(cls) -> str: return "b" + super().word()

@service
class Hotel(A):
    def mine(self) -> str: return "H" + super().who()

@service
class Inn(Hotel, B):
    def __init__(self) -> None:
        self.n: Persistent[int] = 0
    def above(self) -> str: return super().who()
    def of_hotel(self) -> str: return Hotel.who(self) + B.who(self)
    def behind(self) -> str: return super(B, self).who() + super(Hotel, self).who()

@service
class Hostel(Inn):
    def who(self) -> str: return "S" + super().who()
"""
ASKED = ["who", "late", "asked", "mine", "above", "of_hotel", "behind"]


def plain_answers(source, calls):
    """What the classes give as Python has them, with a decorator that does nothing."""
    names = {"service": lambda cls: cls, "Persistent": list}
    exec(textwrap.dedent(source), names)
    answers = []
    for call in calls:
        service, method = call.split(".")
        answer = getattr(names[service](), method)()
        if hasattr(answer, "send"):
            with pytest.raises(StopIteration) as stop:
                answer.send(None)
            answer = stop.value.value
        answers.append(("returned", answer))
    return answers


def test_a_service_changes_nothing_for_those_who_inherit_from_it(tmp_path):
    calls = [f"{service}.{method}" for service in ("Inn", "Hostel") for method in ASKED]
    calls += [f"Hotel.{method}" for method in ASKED[:4]]
    expected = plain_answers(DIAMOND, calls)
    assert expected[0] == ("returned", "BA")
    app = compiled(tmp_path, "from compiler import *\n" + DIAMOND)
    assert compare(app, [(call,) for call in calls]) == expected


def test_inherited_methods_name_the_service_that_inherits_them(tmp_path):
    callers = """
@service
class Front:
    def all(self) -> list:
        return [call(Hotel.who), call(Inn.who), call(Hostel.who), call(Hostel.above)]
    async def spawned(self) -> str:
        return await spawn(Inn.late)
"""
    app = compiled(tmp_path, "from compiler import *\n" + DIAMOND + callers)
    assert compare(app, [("Front.all",), ("Front.spawned",)]) == [
        ("returned", ["A", "BA", "SBA", "BA"]),
        ("returned", "BA"),
    ]
    hotel, inn = app.classes["Hotel"], app.classes["Inn"]
    assert hotel.who is hotel.who
    assert hotel.who is not inn.who
    assert hotel.who(None) == "A"


INITS = """
class A:
    def __init__(self) -> None:
        self.a: Persistent[int] = 1
    def at(self) -> int: return self.a
class B(A):
    def __init__(self) -> None:
        super().__init__()
        self.b: Persistent[int] = 2
@service
class S(B):
    def __init__(self) -> None:
        super(B, self).__init__()
"""


def test_super_of_another_class_in_init(tmp_path):
    app = compiled(tmp_path, "from compiler import *\n" + INITS)
    assert set(app.declared.services["S"].fields) == {"a"}
    assert compare(app, [("S.at",)]) == [("returned", 1)]


def test_a_base_by_its_name_in_init_has_an_order_of_its_own(tmp_path):
    source = """
        class A:
            def __init__(self): self.a: Persistent[int] = 1
        class Bare(A): pass
        class B(A):
            def __init__(self): self.b: Persistent[int] = 2
        @service
        class S(Bare, B):
            def __init__(self): Bare.__init__(self)
            def m(self): return self.a
    """
    app = compiled(tmp_path, source)
    assert set(app.declared.services["S"].fields) == {"a"}
    assert compare(app, [("S.m",)]) == [("returned", 1)]


def test_names_that_are_made_are_no_fields_constants_or_clients(tmp_path):
    source = """
        class Stock:
            LIMIT = 2
            def m(self): return "m"
            def n(self): return "n"
            def o(self): return "o"
        @service
        class S(Stock):
            _Stock_n = 5
            def __init__(self, clientFactory):
                self._Stock_m: Persistent[int] = 7
                self._Stock_o = clientFactory("T")
            def m(self): return super().m(), self._Stock_m
            def n(self): return super().n(), self._Stock_n
            def o(self): return super().o(), self._Stock_o.m()
        @service
        class T:
            def m(self): return 1
    """
    assert compare(compiled(tmp_path, source), [("S.m",), ("S.n",), ("S.o",)]) == [
        ("returned", ("m", 7)),
        ("returned", ("n", 5)),
        ("returned", ("o", 1)),
    ]


@pytest.mark.parametrize(
    "parameters",
    ["self, start=4", "self, *rest", "self, *, start=4", "self, start=4, **rest"],
)
def test_what_init_does_not_need_it_is_not_given(tmp_path, parameters):
    value = "start" if "start" in parameters else "len(rest) + 4"
    source = f"""
        class A:
            def __init__({parameters}):
                self.n: Persistent[int] = {value}
        @service
        class S(A):
            def m(self): return self.n
    """
    assert compare(compiled(tmp_path, source), [("S.m",)]) == [("returned", 4)]


def test_clients_are_made_beside_what_has_a_default():
    class Taking:
        def __init__(self, factory, start=4):
            pass

    assert wants_clients(Taking)


NO_SUPER = {
    "static": ("@staticmethod\n    def m(): return super(S, S).x()", "static method"),
    "static, by itself": ("@staticmethod\n    def m(): return super().x()", "static method"),
    "static, a parameter": ("@staticmethod\n    def m(a): return super(S, a).x()", "static method"),
    "unbound": ("def m(self): return super(S).x()", "super(S)"),
    "of another": ("def m(self, a): return super(S, a).x()", "super(S, a)"),
    "of the class": ("def m(self): return super(S, S).x()", "super(S, S)"),
}


@pytest.mark.parametrize("case", NO_SUPER)
def test_super_of_nothing_is_refused(tmp_path, case):
    method, said = NO_SUPER[case]
    source = (
        "from compiler import *\nclass A:\n    @staticmethod\n    def x(): return 1\n"
        f"@service\nclass S(A):\n    {method}\n"
    )
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, source)
    (error,) = errors.value.errors
    assert said in error.what
    assert error.remedy
    assert "super" in error.text


def test_a_request_that_starts_nothing_reads_no_clock(tmp_path):
    source = """
        import time
        @service
        class S:
            def now(self): return time.time()
    """
    first, second = compare(compiled(tmp_path, source), [("S.now",), ("S.now",)])
    assert second[1] - first[1] == 1
