"""Whole or not at all, whichever step fails; and nothing in the package writes in another way."""

import ast
import errno
import os
import stat
from pathlib import Path

import pytest

from ultralearn import files
from ultralearn.files import whole_file, whole_folder, write_bytes, write_text


class PowerCut(BaseException):
    """Like KeyboardInterrupt, no Exception."""


ERRORS = [OSError(errno.ENOSPC, "No space left on device"), PermissionError(13, "denied"), PowerCut()]
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


def failing(error, after=0):
    """A function that fails at the call after so many that work."""
    calls = iter(range(100))

    def wrapped(genuine):
        def call(*given, **options):
            if next(calls) == after:
                raise error
            return genuine(*given, **options)

        return call

    return wrapped


def everything_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_file_is_written_with_its_parents(tmp_path):
    write_text(tmp_path / "a/b/c.txt", "größer\n")
    assert (tmp_path / "a/b/c.txt").read_text(encoding="utf-8") == "größer\n"
    write_bytes(tmp_path / "a/b/c.txt", b"new")
    assert everything_in(tmp_path) == {"a/b/c.txt": "new"}


def test_permissions_are_those_of_a_plain_write_or_of_what_was_there(tmp_path):
    (tmp_path / "plain").write_text("x")
    write_text(tmp_path / "new", "x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    (tmp_path / "new").chmod(0o640)
    write_text(tmp_path / "new", "y")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "real/file", "old")
    (tmp_path / "also").symlink_to(tmp_path / "real/file")
    write_text(tmp_path / "also", "new")
    assert (tmp_path / "also").is_symlink()
    with whole_folder(tmp_path / "link") as new:
        (new / "only").write_text("this")
    assert (tmp_path / "link").is_symlink()
    assert everything_in(tmp_path / "real") == {"only": "this"}


def write_half(target: Path, error: BaseException | None) -> None:
    with whole_file(target) as draft:
        draft.write_text("half of the n")
        if error:
            raise error


@each_error
@pytest.mark.parametrize("step", ["tempfile.mkdtemp", "os.fsync", "shutil.copymode", "os.replace", "the block"])
def test_a_file_is_as_it_was_whichever_step_fails(tmp_path, monkeypatch, step, error):
    target = tmp_path / "file"
    target.write_text("old")
    if step != "the block":
        module, name = step.split(".")
        genuine = getattr(getattr(files, module), name)
        monkeypatch.setattr(getattr(files, module), name, failing(error)(genuine))
    with pytest.raises(type(error)):
        write_half(target, error if step == "the block" else None)
    monkeypatch.undo()
    assert everything_in(tmp_path) == {"file": "old"}
    assert list(tmp_path.iterdir()) == [target]


def write_two(target: Path, error: BaseException | None) -> None:
    with whole_folder(target) as new:
        (new / "a").write_text("new")
        (new / "b").write_text("new")
        if error:
            raise error


STEPS = [("tempfile.mkdtemp", 0), ("os.fsync", 0), ("os.fsync", 1), ("os.rename", 0), ("the block", 0)]


@each_error
@pytest.mark.parametrize(
    ("there", "step", "after"),
    # Where nothing is there, nothing is moved away, and one rename is all.
    [(False, *step) for step in STEPS] + [(True, *step) for step in [*STEPS, ("os.rename", 1)]],
)
def test_a_folder_is_as_it_was_whichever_step_fails(tmp_path, monkeypatch, step, after, error, there):
    target = tmp_path / "folder"
    if there:
        target.mkdir()
        (target / "a").write_text("old")
    if step != "the block":
        module, name = step.split(".")
        genuine = getattr(getattr(files, module), name)
        monkeypatch.setattr(getattr(files, module), name, failing(error, after)(genuine))
    with pytest.raises(type(error)):
        write_two(target, error if step == "the block" else None)
    monkeypatch.undo()
    assert everything_in(tmp_path) == ({"folder/a": "old"} if there else {})
    assert list(tmp_path.iterdir()) == ([target] if there else [])


def test_what_cannot_be_put_back_is_not_lost_and_its_place_is_said(tmp_path, monkeypatch):
    target = tmp_path / "release"
    target.mkdir()
    (target / "a").write_text("old")
    genuine, calls = os.rename, iter(range(100))

    def only_away(source, destination):
        if next(calls) > 0:
            raise OSError(errno.EIO, "Input/output error")
        genuine(source, destination)

    monkeypatch.setattr(os, "rename", only_away)
    with pytest.raises(OSError, match="Nothing is lost: it lies in") as caught, whole_folder(target) as new:
        (new / "a").write_text("new")
    monkeypatch.undo()
    [lies] = tmp_path.glob(".release.*/old")
    assert str(lies) in str(caught.value)
    assert everything_in(lies) == {"a": "old"}


def test_a_folder_is_replaced_with_all_that_was_in_it(tmp_path):
    for content in ("first", "second"):
        with whole_folder(tmp_path / "deep/folder") as new:
            assert not list(new.iterdir())
            (new / content).write_text(content)
    assert everything_in(tmp_path) == {"deep/folder/second": "second"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["folder"]


MOVES = {"os.replace", "os.rename", "os.renames", "shutil.move", "tempfile.mkstemp", "tempfile.NamedTemporaryFile"}
WRITES = ("write_text", "write_bytes", "rename")  # on whatever path


def test_nothing_else_in_the_package_moves_files_into_place():
    found = []
    for path in set(Path("src").rglob("*.py")) - {Path("src/ultralearn/files.py")}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called, owner = ast.unparse(node.func), ast.unparse(node.func.value)
                if called in MOVES or (node.func.attr in WRITES and owner != "files" and "draft" not in owner):
                    found.append(f"{path}:{node.lineno}: {called}")
    assert not found
