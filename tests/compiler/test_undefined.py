"""Names that nothing defines are refused; what some run could define is not."""

import sys
import textwrap

import pytest

from compiler.application import load
from compiler.errors import CompileErrors
from tests.compiler.driver import compiled

UNDEFINED = [
    (
        """
        class PostError(Exception): pass
        @service
        class Post:
            LIMIT = 3
            def send(self, city):
                raise PostErrorFor(city)
        """,
        "8:15: nothing defines the name PostErrorFor; did you mean PostError?",
    ),
    ("@service\nclass S:\n    LIMIT = 3\n    def m(self):\n        return LIMIT\n", "name LIMIT"),
    ("@service\nclass S:\n    def m(self):\n        return [x for y in [1]]\n", "5:17: nothing"),
    ("@service\nclass S:\n    def m(self): pass\nf = lambda a: a + nowhere\n", "name nowhere"),
    ("@service\nclass S:\n    def m(self): pass\nclass P:\n    def p(): nowhere()\n", "nowhere"),
    ("@service\nclass S:\n    def m(self): pass\nif True:\n    def g(): nowhere()\n", "nowhere"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "message"), UNDEFINED)
def test_an_undefined_name_is_refused(tmp_path, source, message):
    with pytest.raises(CompileErrors) as raised:
        compiled(tmp_path, source)
    (error,) = raised.value.errors
    assert message in str(error)
    assert "an import at the top of the module" in error.remedy


DEFINED = """
    from __future__ import annotations
    import sys
    from compiler import Persistent, service
    from os.path import *
    from typing import TYPE_CHECKING, Generic, TypeVar
    if TYPE_CHECKING:
        from nowhere import Hint
    T = TypeVar("T")

    @service
    class S:
        def __init__(self):
            self.d: Persistent[dict[str, Later]] = {}
        def m(self, given: Nothing = None, *rest: Nothing, **more: Nothing) -> Nothing:
            value: Nothing = given
            for number, (first, *others) in []:
                print(number, first, others)
            try:
                print(unicode)
            except NameError as error:
                print(error)
            if sys.version_info < (3,):
                print(xrange(3))
            if (walrus := value) is None:
                print(walrus, rest, more, __name__, __file__, later())
            match value:
                case {"a": a, **others}: print(a, others)
                case [b, *c] | (b, *c): print(b, c)
                case _ as d: print(d)
            del value
            return [x + y for x in [1] for y in [x]], {k: v for k, v in [(1, 2)]}, basename("a/b")
        def nested(self):
            def inner(n, *, key=len):
                nonlocal total
                total += n
                return inner, [key for key in [key]], (lambda z: z)(1)
            total = 0
            return inner(1)[1], total

    def later(): return Later, COUNT, __class__

    class Later(Generic[T]):
        def me(self): return __class__

    if __name__ == "__main__":
        COUNT = 3
"""


def test_whatever_may_be_defined_is_let_through(tmp_path):
    path = tmp_path / "defined.py"
    path.write_text(textwrap.dedent(DEFINED))
    assert "S" in load(path).classes


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are of Python 3.12")
def test_type_parameters_are_defined(tmp_path):
    source = "def g[T](x: T): return T, x\nclass P[U]:\n    def m(self): return U\n"
    compiled(tmp_path, f"{source}@service\nclass S:\n    def m(self): return g(1)\n")
