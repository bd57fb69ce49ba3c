"""``internal``, ``allow`` and ``caller()``."""

import re
import textwrap
from pathlib import Path

import pytest

import compiler
from compiler.errors import CompileErrors
from core.callers import Caller
from core.errors import BadRequest, Forbidden
from tests.compiler.driver import Driver, compiled

SHOP = """
    @service
    class Shop:
        def __init__(self):
            self.seen: Persistent[list[str]] = []

        def buy(self, what: str) -> tuple:
            asking = caller()
            asking.claims["changed"] = True
            paid = call(Till.pay, what)
            self.seen.append(f"{caller().subject} {'changed' in caller().claims}")
            return paid, self.seen[-1], self._who()

        @allow("clerk", "boss")
        def stock(self) -> str:
            return caller().subject

        @allow()
        def mine(self) -> str:
            return caller().subject

        @internal
        def hidden(self) -> str:
            return caller().subject

        def show(self) -> str:
            return call(Shop.hidden)

        def _who(self):
            return caller().subject

    @service(internal=True)
    class Till:
        def pay(self, what: str) -> tuple:
            who = caller()
            return who.subject, sorted(who.roles), who.claims.get("mail"), helper()

        @staticmethod
        def none() -> int:
            return 1

    def helper():
        return caller().subject
"""
ADA = Caller("ada", {"roles": ["clerk"], "mail": "ada@example.com"})


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("access"), SHOP, "shop")


@pytest.mark.parametrize("caller", [Caller(), ADA, Caller("bob")])
def test_the_caller_is_the_same_everywhere(shop, caller):
    driver = Driver(shop.program, shop.initial_state(), None)
    driver.asking = caller
    reference = shop.reference()
    reference.load(shop.initial_state())
    ours = driver.run("Shop", "buy", ("tea",))
    plain = reference.run("Shop", "buy", ("tea",), caller=caller)
    name = caller.subject
    assert ours == plain
    assert ours == (
        (name, sorted(caller.roles), caller.claims.get("mail"), name),
        f"{name} False",
        name,
    )
    assert driver.store == reference.dump()
    assert driver.run("Shop", "show") == reference.run("Shop", "show", caller=caller) == name


def test_whoever_asked_before_does_not_ask_any_more(shop):
    reference = shop.reference()
    reference.run("Shop", "stock", caller=ADA)
    assert reference.run("Shop", "show") == ""


def test_what_the_program_knows(shop):
    method = shop.program.method
    public = {
        f"{service}.{each.name}"
        for service, found in shop.program.services.items()
        for each in found.methods.values()
        if each.public
    }
    assert public == {"Shop.buy", "Shop.stock", "Shop.mine", "Shop.show"}
    assert method("Shop", "stock").allow == {"clerk", "boss"}
    assert method("Shop", "mine").allow == {"*"}
    assert method("Shop", "buy").allow == frozenset()
    assert method("Shop", "stock").facts.read_only
    assert method("Till", "pay").facts.read_only


@pytest.mark.parametrize(
    ("call", "caller", "error"),
    [
        ("Shop.hidden", ADA, BadRequest),
        ("Till.pay", ADA, BadRequest),
        ("Shop.stock", Caller(), Forbidden),
        ("Shop.stock", Caller("bob"), Forbidden),
        ("Shop.mine", Caller(), Forbidden),
    ],
)
def test_what_is_refused_plainly(shop, call, caller, error):
    args = ("tea",) if call == "Till.pay" else ()
    with pytest.raises(error):
        shop.reference().run(*call.split("."), args, caller=caller)


def test_what_may_be_asked(shop):
    for call in ("stock", "mine"):
        assert shop.reference().run("Shop", call, caller=ADA) == "ada"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("@allow('a')\n    @internal\n    def m(self): return 1", "an internal method"),
        ("@allow('a')\n    def _m(self): return 1", "not a public one"),
        ("@property\n    @allow('a')\n    def m(self): return 1", ""),
        ("@allow('a b')\n    def m(self): return 1", "allow(...) names roles"),
        ("@allow(3)\n    def m(self): return 1", "allow(...) names roles"),
        ("@allow\n    def m(self): return 1", "allow"),
        ("def m(self):\n        c = caller\n        return c()", "as a value"),
        ("def m(self): return caller(3)", "caller"),
    ],
)
def test_refused(tmp_path, body, what):
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, f"@service\nclass S:\n    {body}\n")
    assert any(what in str(each) for each in errors.value.errors)


def test_an_inherited_method_is_as_internal_as_where_it_is_written(tmp_path):
    app = compiled(
        tmp_path,
        """
        class Base:
            @internal
            def inside(self): return 1
            @allow("boss")
            def shown(self): return 2
        @service
        class S(Base): pass
        @service(internal=True)
        class T(Base):
            def open(self): return 3
        @service
        class U(T): pass
        """,
    )
    public = {
        (service, each.name): each.public
        for service, found in app.program.services.items()
        for each in found.methods.values()
    }
    assert public == {
        ("S", "inside"): False,
        ("S", "shown"): True,
        ("T", "inside"): False,
        ("T", "open"): False,
        ("T", "shown"): False,
        ("U", "inside"): False,
        ("U", "open"): True,
        ("U", "shown"): True,
    }
    assert app.program.method("U", "shown").allow == {"boss"}


OVERRIDES = """
    class Root:
        @internal
        def inside(self): return 1
        @allow("boss")
        def shown(self): return 2
        @internal
        def opened(self): return 3
        @allow("boss")
        def closed(self): return 4
        @allow("boss")
        def other(self): return 5
    class Base(Root):
        def inside(self): return 10
    class Mixin:
        @allow("clerk")
        def mixed(self): return 6
    class Silent:
        def mixed(self): return 60
    @service
    class S(Base, Silent, Mixin):
        def inside(self): return super().inside()
        def shown(self): return super().shown()
        @allow("clerk")
        def opened(self): return super().opened()
        @internal
        def closed(self): return super().closed()
        @allow()
        def other(self): return super().other()
    @service(internal=True)
    class T(Root):
        def shown(self): return 20
"""


def test_an_override_that_says_nothing_opens_nothing(tmp_path):
    app = compiled(tmp_path, OVERRIDES)
    found = {
        each.name: (each.public, each.allow) for each in app.program.services["S"].methods.values()
    }
    assert {
        name: found[name] for name in ("inside", "shown", "opened", "closed", "other", "mixed")
    } == {
        "inside": (False, frozenset()),
        "shown": (True, {"boss"}),
        "opened": (True, {"clerk"}),
        "closed": (False, frozenset()),
        "other": (True, {"*"}),
        "mixed": (True, {"clerk"}),
    }
    assert not app.program.method("T", "shown").public


@pytest.mark.parametrize(
    ("call", "caller", "error"),
    [
        ("S.inside", ADA, BadRequest),
        ("S.shown", ADA, Forbidden),
        ("S.opened", Caller("bob"), Forbidden),
        ("S.closed", ADA, BadRequest),
        ("S.other", Caller(), Forbidden),
        ("S.mixed", Caller("bob"), Forbidden),
        ("T.shown", ADA, BadRequest),
    ],
)
def test_nor_does_it_in_the_reference_run(tmp_path, call, caller, error):
    with pytest.raises(error):
        compiled(tmp_path, OVERRIDES).reference().run(*call.split("."), (), caller=caller)


def test_what_an_override_opens_is_open_in_the_reference_run(tmp_path):
    reference = compiled(tmp_path, OVERRIDES).reference()
    assert reference.run("S", "opened", (), caller=ADA) == 3
    assert reference.run("S", "other", (), caller=Caller("bob")) == 5
    assert reference.run("S", "mixed", (), caller=ADA) == 60


def test_outside_of_any_run_nobody_can_be_asked_for():
    with pytest.raises(compiler.api.current.NotRunningError):
        compiler.caller()


def test_the_example_in_the_docs(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    section = page.partition("## Who may ask")[2].partition("\n## ")[0]
    example = "".join(re.findall(r"(?:^    .*\n|^\n)+", section, flags=re.MULTILINE)[:2])
    app = compiled(tmp_path, textwrap.dedent(example))
    driver = Driver(app.program, app.initial_state(), None)
    driver.asking = ADA
    assert driver.run("Orders", "buy", ("tea",)) == 250
    assert driver.run("Orders", "buy", ("tea",)) == 500
    assert driver.run("Orders", "all") == ["tea for ada", "tea for ada"]
    reference = app.reference()
    assert reference.run("Orders", "buy", ("tea",), caller=ADA) == 250
    with pytest.raises(Forbidden):
        reference.run("Orders", "buy", ("tea",))
    with pytest.raises(Forbidden):
        reference.run("Orders", "all", caller=Caller("bob", {"roles": ["guest"]}))
    with pytest.raises(BadRequest):
        reference.run("Payments", "charge", (1,), caller=ADA)
