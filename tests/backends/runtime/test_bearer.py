"""The key or token that command lines call with."""

import pytest

from backends.runtime.invoke import TOKEN, Call, bearer
from core.errors import MuError


def test_it_stands_in_the_environment():
    assert bearer({}) == ""
    assert bearer({TOKEN: "abc.def"}) == "abc.def"


@pytest.mark.parametrize("wrong", ["two words", "ä", "a\nb"])
def test_what_is_none(wrong):
    with pytest.raises(MuError, match=TOKEN) as error:
        bearer({TOKEN: wrong})
    assert wrong not in str(error.value)


def test_nobody_sees_it():
    assert "abc.def" not in repr(Call("http://x", "A.b", b"", "k", bearer="abc.def"))
