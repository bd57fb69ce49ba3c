"""The applications of these tests, compiled once."""

from pathlib import Path

import pytest

from compiler.application import load

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def shelf():
    return load(Path(__file__).parent / "shelf.py")


@pytest.fixture(scope="session")
def bank():
    return load(ROOT / "apps" / "bank")


@pytest.fixture(scope="session")
def hotel():
    return load(ROOT / "apps" / "hotel")
