import pytest

pytest.register_assert_rewrite("tests.store_conformance", "tests.store_histories")
