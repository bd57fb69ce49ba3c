"""What bases and the type variables of bases say of a field: one thing, and keys that can be."""

import pytest

from compiler.errors import CompileErrors
from tests.compiler.driver import compiled

DIFFERENT = {
    "types": ("int", "str"),
    "arguments": ("dict[str, int]", "dict[str, str]"),
    "depth": ("dict[str, list[int]]", "dict[str, list[str]]"),
    "containers": ("dict[str, int]", "list[int]"),
    "by a variable": ("T", "str"),
}
SAME = {
    "types": ("int", "'int'"),
    "spellings": ("Dict[str, Optional[int]]", "dict[str, None | int]"),
    "one says less": ("dict", "dict[str, int]"),
    "anything": ("object", "int"),
    "by a variable": ("T", "int"),
}


def _twice(one, other):
    return f"""
        from typing import Dict, Generic, Optional, TypeVar
        T = TypeVar("T")
        class A(Generic[T]):
            def __init__(self):
                super().__init__()
                self.n: Persistent[{one}] = None
        class B:
            def __init__(self):
                super().__init__()
                self.n: Persistent[{other}] = None
        @service
        class S(A[int], B):
            def m(self): return 1
    """


@pytest.mark.parametrize("case", DIFFERENT)
def test_two_bases_that_declare_one_field_differently(tmp_path, case):
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, _twice(*DIFFERENT[case]))
    error = errors.value.errors[0]
    assert "self.n is declared twice for S, differently: the other is at " in error.what
    first, second = (n for n, line in enumerate(_lines(tmp_path), 1) if "self.n:" in line)
    assert error.line == second
    assert error.what.endswith(f":{first}")


def _lines(folder):
    (path,) = folder.rglob("*.py")
    return path.read_text().splitlines()


@pytest.mark.parametrize("case", SAME)
def test_two_bases_that_declare_one_field_alike(tmp_path, case):
    source = _twice(*SAME[case])
    if "dict" in source:
        source = source.replace("= None", "= {}")
    compiled(tmp_path, source)


@pytest.mark.parametrize("key", ["list[int]", "tuple[str, set[int]]", "Keys", "Annotated[dict, 1]"])
@pytest.mark.parametrize("field", ["dict[K, V]", "set[K]", "dict[tuple[K, int], V]"])
def test_keys_by_a_type_variable(tmp_path, key, field):
    source = f"""
        from typing import Annotated, Generic, TypeVar
        K, V = TypeVar("K"), TypeVar("V")
        Keys = list[int]
        class Table(Generic[K, V]):
            def __init__(self):
                self.rows: Persistent[{field}] = {"set()" if "set" in field else "{}"}
        @service
        class Good(Table[tuple[str, int], list[int]]): pass
        @service
        class Bad(Table[{key}, int]): pass
    """
    with pytest.raises(CompileErrors) as errors:
        compiled(tmp_path, source)
    (error,) = errors.value.errors
    assert "which K is, cannot be keys: they cannot be hashed" in error.what
    assert "self.rows" in error.text
