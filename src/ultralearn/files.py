"""Write a file or a folder whole or not at all: beside its place first, then moved there. Nothing else in here does."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, UTF-8, whole or not at all. Raises OSError."""
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises OSError."""
    with whole_file(path) as draft:
        draft.write_bytes(content)


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a path to write to; what was written there takes the place of `path` in one step when the block ends.

    Parents are made, links followed, the permissions of a file that is there kept. Where anything fails, in the block
    or after it, what stood there still does and nothing else is left. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        draft = beside / target.name
        yield draft
        _reach_the_disk(draft)
        if target.exists():
            shutil.copymode(target, draft)
        os.replace(draft, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it takes the place of `path`, and of all that is in it, when the block ends.

    For a moment between two renames nothing stands there. Where anything fails, in the block or after it, what stood
    there still does and nothing else is left; where not even putting it back succeeds, the error says where it lies.
    Raises OSError.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    new, old = beside / "new", beside / "old"
    try:
        new.mkdir()
        yield new
        for file in sorted(new.rglob("*")):
            if file.is_file():
                _reach_the_disk(file)
        try:
            if target.exists():
                os.rename(target, old)
            os.rename(new, target)
        except BaseException:
            _put_back(old, target)
            raise
    finally:
        if target.exists() or not old.exists():
            shutil.rmtree(beside, ignore_errors=True)


def _put_back(old: Path, target: Path) -> None:
    if not old.exists() or target.exists():
        return
    try:
        os.rename(old, target)
    except OSError as error:
        raise OSError(
            f"{target} could not be replaced, and what stood there could not be put back ({error}). "
            f"Nothing is lost: it lies in {old}; move it to {target} yourself."
        ) from error


def _reach_the_disk(path: Path) -> None:
    """What is only on its way to the disk when the power goes would be an empty file under the right name."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
