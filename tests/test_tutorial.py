"""The tutorial's code does what the tutorial says: it fails first, and then it holds."""

import pytest

from compiler import application
from compiler import cli as compiler_cli
from sim import cli
from tests.docs_output import BLOCK, ROOT, save

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
CODE = [(language, text) for language, text in BLOCK.findall(TUTORIAL) if language != "console"]
SHOWN = [text for language, text in BLOCK.findall(TUTORIAL) if language == "console"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A new user's folder with the two files, before the transaction is added."""
    monkeypatch.chdir(tmp_path)
    for language, text in CODE[:-1]:
        save(tmp_path, language, text)
    return tmp_path


def test_the_code_is_what_the_text_expects():
    assert [language for language, _ in CODE] == ["python", "python", "yaml", "python"]


def test_the_bug_is_found(folder, capsys):
    assert cli.main(["shop.yaml"]) == 1
    out = capsys.readouterr().out
    assert "FAILED: shop.no_overselling\n" in out
    assert "is oversold" in out


def test_the_transaction_mends_it(folder):
    save(folder, *CODE[-1])
    assert cli.main(["shop.yaml"]) == 0
    assert application.load("shop.py").program.method("Shop", "buy").facts.single_region


def test_the_reference_run(folder, capsys):
    assert compiler_cli.main(["run", "shop.py", "Shop.buy", "customer-1", "item-1"]) == 0
    assert "True" in capsys.readouterr().out


def test_the_output_shown_says_what_the_text_says():
    verdicts = [text for text in SHOWN if text.startswith("$ python -m sim")]
    assert len(verdicts) == 3
    assert "FAILED: shop.no_overselling" in verdicts[0]
    assert "Held on this run" in verdicts[1]
    assert "All checks held" in verdicts[2]
