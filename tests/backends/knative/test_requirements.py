"""Requirements files: what they include is there, and what would fail in the image is refused."""

import re

import pytest

from backends.knative.context import write_context
from backends.knative.errors import ImageProblem
from backends.knative.requirements import read_requirements
from tests.backends.knative.manifests import ROOT


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_what_is_included_is_in_its_place_relative_to_the_file_that_names_it(write):
    top = write("top.txt", "numpy==2.0.0\n-r parts/web.txt\n--constraint=limits.txt\npandas\n")
    write("parts/web.txt", "httpx\n--requirement more/deep.txt\n-c ../limits.txt\n-rlast.txt\n")
    write("parts/more/deep.txt", "-c 'our limits.txt'\nattrs\n")
    write("parts/more/our limits.txt", "attrs<25\n")
    write("parts/last.txt", "idna\n")
    write("limits.txt", "httpx<1\n-r parts/extra.txt\n")
    write("parts/extra.txt", "yarl\n")
    lines = read_requirements(top)
    assert lines.requirements == ["numpy==2.0.0", "httpx", "attrs", "yarl", "idna", "pandas"]
    assert lines.constraints == ["attrs<25", "httpx<1"]


def test_a_file_that_is_included_twice_is_there_once(write):
    top = write("top.txt", "-r a.txt\n-r b.txt\n")
    write("a.txt", "-r base.txt\na\n")
    write("b.txt", "-r base.txt\nb\n")
    write("base.txt", "base\n")
    assert read_requirements(top).requirements == ["base", "a", "b"]


def test_comments_and_lines_that_go_on_are_read_as_pip_reads_them(write):
    text = "# -r none.txt\nnumpy \\\n  ==2.0  # the newest\n\nx @ https://e.org/x.git#egg=x\n"
    top = write("top.txt", f"{text}-r \\\nb.txt")
    write("b.txt", "\ufeffb\n")
    lines = read_requirements(top)
    assert lines.requirements == ["numpy   ==2.0", "x @ https://e.org/x.git#egg=x", "b"]


FINE = """\
httpx[http2]>=0.27; python_version > "3.10"
--index-url https://registry.example/simple
-f https://registry.example/wheels
-e git+https://git.example/x.git#egg=x
-r https://registry.example/more.txt
https://registry.example/a-1-py3-none-any.whl
a @ https://registry.example/a-1.tar.gz
--no-binary :all:
"""


def test_what_pip_can_do_in_the_image_is_left_to_it(write):
    assert read_requirements(write("top.txt", FINE)).requirements == FINE.splitlines()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-r nowhere.txt", "nowhere.txt, which is no file"),
        ("-r", "write '-r FILE'"),
        ("-r a.txt b.txt", "write '-r FILE'"),
        ("-r 'a.txt", "close every quote"),
        ("-r top.txt", "in itself"),
        ("-r ./other/../top.txt", "in itself"),
        ("-c top.txt", "in itself"),
        ("-e .", "of this machine"),
        ("-e ../library", "of this machine"),
        ("--editable=library", "of this machine"),
        ("./library", "of this machine"),
        ("library/", "of this machine"),
        ("/opt/library-1.tar.gz", "of this machine"),
        ("library-1-py3-none-any.whl", "of this machine"),
        ("library @ file:///opt/library", "of this machine"),
        ("library@../library ; python_version > '3'", "of this machine"),
        ("file:///opt/library", "of this machine"),
        ("--find-links ../wheels", "of this machine"),
        ("numpy==2 --hash=sha256:00", "hash"),
        ("numpy==2 \\\n  --hash=sha256:00", "hash"),
        ("--require-hashes", "hash"),
    ],
)
def test_what_would_fail_in_the_image_is_refused_with_its_place(write, line, says):
    top = write("top.txt", f"numpy\n\n{line}\n")
    write("other/x.txt", "")
    with pytest.raises(ImageProblem, match=re.escape(says)) as refused:
        read_requirements(top)
    assert str(refused.value).startswith(f"{top}:3: ")
    assert "\n" not in str(refused.value)


def test_a_cycle_is_refused_where_it_closes(write):
    top = write("top.txt", "-r a.txt\n")
    write("a.txt", "x\n-r b.txt\n")
    inner = write("b.txt", "-r top.txt\n")
    with pytest.raises(ImageProblem, match=rf"^{re.escape(str(inner))}:1: .*in itself"):
        read_requirements(top)


def test_files_that_cannot_be_read(tmp_path, write):
    for path, says in ((tmp_path / "none", "No such file"), (tmp_path, "directory")):
        with pytest.raises(ImageProblem, match=says) as refused:
            read_requirements(path)
        assert "--requirements" in str(refused.value)
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"\xff\xfe")
    with pytest.raises(ImageProblem, match="UTF-8"):
        read_requirements(write("top.txt", "-r bad.txt\n"))


def test_the_context_has_all_of_it(tmp_path, write):
    top = write("top.txt", "-r more.txt\n-c limits.txt\n")
    write("more.txt", "numpy==2.0.0\n")
    write("limits.txt", "pandas<3\n")
    context = tmp_path / "context"
    write_context(ROOT / "apps/counter", context, requirements=top)
    requirements = (context / "requirements.txt").read_text().splitlines()
    assert "numpy==2.0.0" in requirements
    assert not [line for line in requirements if line.startswith("-")]
    constraints = (context / "constraints.txt").read_text().splitlines()
    assert "pandas<3" in constraints
    assert any(line.startswith("msgspec==") for line in constraints)
