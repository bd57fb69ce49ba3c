"""What __init__ and set-up leave: async methods run, and what cannot be is told with its place."""

import pytest

from compiler.application import load
from compiler.errors import CompileErrors
from experiment.checks.invariants import invariants
from tests.compiler.driver import compare, compiled, write_app

ROOM = """
@service
class Room:
    def __init__(self):
        self.beds: Persistent[dict[str, int]] = {}
        self.log: Persistent[list[str]] = []

    async def add(self, name, beds):
        self.beds[name] = await self._doubled(beds)
        return self.beds[name]

    async def _doubled(self, beds):
        return 2 * beds

    async def fails(self, name):
        with transaction():
            self.beds[name] = 1
            raise ValueError("no room")

    async def left_open(self):
        BeginTx()
        self.beds["open"] = 1

    def note(self, text):
        self.log.append(text)
"""

SETUPS = {
    "called": "instance(Room).log.append(str(instance(Room).add('a', 3)))",
    "awaited": "instance(Room).log.append(str(await instance(Room).add('a', 3)))",
    "not awaited": "instance(Room).add('a', 3); instance(Room).note('6')",
}


@pytest.mark.parametrize("kind", SETUPS)
@pytest.mark.parametrize("define", ["def", "async def"])
def test_async_methods_run_in_set_up(tmp_path, kind, define):
    if define == "def" and kind == "awaited":
        pytest.skip("await needs async def")
    if define == "async def" and kind == "called":
        pytest.skip("there a call gives what must be awaited")
    source = f"{ROOM}\n{define} setup():\n    {SETUPS[kind]}\n"
    reference = compiled(tmp_path, source).reference(set_up=True)
    with reference:
        assert reference.instance("Room").beds == {"a": 6}
        assert reference.instance("Room").log == ["6"]


@pytest.mark.parametrize(
    ("call", "message"),
    [("fails('b')", "ValueError: no room"), ("left_open()", "returned with a transaction open")],
)
def test_what_an_async_method_raises_in_set_up_is_told(tmp_path, call, message):
    source = f"{ROOM}\ndef setup():\n    instance(Room).{call}\n"
    with pytest.raises(CompileErrors, match=message):
        load(write_app(tmp_path, source))


def test_async_invariants_are_run(tmp_path):
    source = f"{ROOM}\nMIX = {{}}\nasync def holds():\n    assert await instance(Room).add('x', 1) == 3\n"  # noqa: E501
    application = compiled(tmp_path, source)

    class Check:
        invariant = "app.holds"

    class Subject:
        scenario = type("Scenario", (), {"check": [Check]})
        final_data = application.initial_state()
        commits = (1,)
        trees = unfinished = ()
        run = type("Run", (), {"set_aside": {}})

    Subject.application = application
    (verdict,) = invariants(Subject)
    assert verdict.status == "fails"


def refused(tmp_path, declaration):
    source = f"""
    from collections import Counter, OrderedDict, defaultdict, deque
    from dataclasses import dataclass
    from fractions import Fraction

    @service
    class S:
        def __init__(self):
            self.fine: Persistent[int] = 1
            self.x: {declaration}
        def get(self):
            return self.x
    """
    with pytest.raises(CompileErrors) as raised:
        load(write_app(tmp_path, source))
    (error,) = raised.value.errors
    assert error.line == 11
    assert error.text.strip().startswith("self.x:")
    return error


MENDED = [
    ("Persistent[Counter[str]] = Counter('aab')", "a plain dict: dict(...)", {"a": 2, "b": 1}),
    ("Persistent[dict[str, int]] = defaultdict(int)", "a plain dict: dict(...)", {}),
    ("Persistent[object] = OrderedDict(a=1)", "a plain dict: dict(...)", {"a": 1}),
    ("Persistent[dict[str, Counter]] = {'a': Counter('b')}", "a plain dict: dict(...)", None),
]


@pytest.mark.parametrize(("declaration", "remedy", "value"), MENDED)
def test_an_initial_value_that_cannot_be_stored(tmp_path, declaration, remedy, value):
    assert remedy in refused(tmp_path, declaration).remedy
    if value is not None:
        kind, _, given = declaration.partition(" = ")
        source = f"""
        from collections import Counter, OrderedDict, defaultdict
        @service
        class S:
            def __init__(self): self.x: {kind} = dict({given})
            def get(self): return self.x
        """
        assert compare(compiled(tmp_path, source), [("S.get",)]) == [("returned", value)]


def test_a_remedy_is_given_only_if_it_works(tmp_path):
    assert "Persistent[object]" in refused(tmp_path, "Persistent[dict] = None").remedy
    assert "Persistent[object]" not in refused(tmp_path, "Persistent[list] = deque()").remedy
    assert "cannot be stored" in refused(tmp_path, "Persistent[set] = Fraction(1, 2)").what


def test_what_init_raises_is_told_with_its_place(tmp_path):
    error = refused(tmp_path, "Persistent[int] = int('one')")
    assert error.what.startswith("__init__ fails here: ValueError: invalid literal")
