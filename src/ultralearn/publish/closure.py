"""What each notebook, each week's proofs and each room of unit tests depends on, as a make include.

`python -m ultralearn.publish.closure _build/closure.mk` runs whenever a Python file came, went or changed. A thing
depends on what it imports, wherever the import stands and through whatever it imports in turn; on the packages around
that, whose `__init__` runs too; on the data beside those; and on the files of the repository that any of them names.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import grimp

from ultralearn.files import write_text

PACKAGES = {"ultralearn": "src", "tests": "", "benchmarks": ""}
NOT_SOURCE = re.compile(r"_build|work|__pycache__|.*\.egg-info|\.(?!ci$|github$).*")  # folders
BESIDE_UNIT = {"tests/exercises", "tests/book", "tests/notebooks"}  # steps of their own
DOTTED = re.compile(rf"\b(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")


class Needs(NamedTuple):
    """What one file asks for by itself."""

    modules: list[str]
    files: list[Path]


@dataclass
class Closures:
    """The dependencies of everything in one checkout, whose packages can be imported."""

    root: Path
    _needs: dict[Path, Needs] = field(default_factory=dict)

    @cached_property
    def modules(self) -> dict[str, Path]:
        """The file of every module, by its name."""
        found = {}
        for package, folder in PACKAGES.items():
            for path in self._files(self.root / folder / package, "*.py"):
                parts = path.relative_to(self.root / folder).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    @cached_property
    def _graph(self) -> grimp.ImportGraph:
        there = [package for package in PACKAGES if package in self.modules]
        return grimp.build_graph(*there, cache_dir=None)

    def notebooks(self) -> dict[str, set[Path]]:
        """Each executed notebook of each script."""
        scripts = sorted((self.root / "notebooks").glob("week_*.py"))
        return {f"_build/executed/{script.stem}.ipynb": self._of([script], script.stem[:7]) for script in scripts}

    def proofs(self) -> dict[str, set[Path]]:
        """The stamp of each week's proofs: the prover, this week's exercises and answers, and its stubs."""
        found = {}
        prover = sorted((self.root / "tests/exercises").glob("*.py"))
        for week in self.weeks():
            own = [path for path in prover if not re.search(r"week_\d\d", path.stem) or week in path.stem]
            own += self._files(self.root / "tests/exercises" / week, "*.py")
            own += [self.modules[name] for name in self._below(f"ultralearn.exercises.{week}")]
            stubs = set((self.root / "notebooks").glob(f"{week}_*.py"))
            found[f"_build/green/proofs/{week}"] = self._of(own, week) | stubs
        return found

    def rooms(self) -> dict[str, set[Path]]:
        """The stamp of each folder of unit tests."""
        found = {}
        for folder in sorted({path.parent for path in self._files(self.root / "tests", "test_*.py")}):
            name = folder.relative_to(self.root).as_posix()
            if not any(name == other or name.startswith(f"{other}/") for other in BESIDE_UNIT):
                found[f"_build/green/unit/{name.replace('/', '.')}"] = self._of(sorted(folder.glob("*.py")))
        return found

    def others(self) -> dict[str, set[Path]]:
        """The stamps of the steps that look at what was published, executed or built."""
        in_browser = [self.root / "tests/book/test_browser.py", *self._files(self.root / "tests", "*_in_browser.py")]
        steps = {
            "pairs": [self.root / "tests/notebooks/test_pairs.py"],
            "replay": [self.root / "tests/notebooks/test_executed.py", self.root / "src/ultralearn/publish/replay.py"],
            "links": [self.root / "tests/book/test_site.py"],
            "browser": in_browser,
        }
        return {f"_build/green/{name}": self._of(filter(Path.exists, files)) for name, files in steps.items()}

    def weeks(self) -> list[str]:
        """The weeks that have exercises, as "week_07"."""
        return sorted({match[1] for name in self.modules if (match := re.match(r".*\.exercises\.(week_\d\d)", name))})

    def _of(self, files: Iterable[Path], week: str = "") -> set[Path]:
        """These files and all that they need; of what is only named, nothing of another week than this."""
        own = list(files)
        own += [above for path in own for above in self._conftests(path)]
        found = {*own, *(self.modules[name] for name in self._reached(own))}
        for path in list(found):
            found |= {named for named in self._asked_by(path).files if not week or _week_of(named) in ("", week)}
        for package in {path.parent for path in found if (path.parent / "__init__.py").exists()}:
            found |= self._data(package)
        return found

    def _conftests(self, path: Path) -> Iterator[Path]:
        for folder in path.parents:
            if folder.is_relative_to(self.root / "tests") and (folder / "conftest.py").exists():
                yield folder / "conftest.py"

    def _reached(self, files: Iterable[Path]) -> set[str]:
        """The modules that these files import, and what those import, and the packages around them."""
        names = {path: name for name, path in self.modules.items()}
        waiting = [name for path in files for name in [*self._asked_by(path).modules, names.get(path, "")]]
        seen = {""}
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.append(name.rpartition(".")[0])
                waiting += self._graph.find_modules_directly_imported_by(name)
                waiting += self._asked_by(self.modules[name]).modules
        return seen - {""}

    def _asked_by(self, path: Path) -> Needs:
        if path not in self._needs:
            texts = set(_texts(path)) if path.suffix == ".py" else set()
            self._needs[path] = Needs(
                [name for text in texts for name in self._modules_in(text)],
                [file for text in texts for file in self._files_in(text, path.parent)],
            )
        return self._needs[path]

    def _modules_in(self, text: str) -> Iterator[str]:
        """The modules that an import names, or a string: `python -m` runs by a name in a string."""
        for name in DOTTED.findall(text):
            while name not in self.modules and "." in name:
                name = name.rpartition(".")[0]
            yield name
            if f"{name}.__main__" in self.modules:
                yield f"{name}.__main__"

    def _files_in(self, text: str, beside: Path) -> Iterator[Path]:
        """The files that a string names, alone or by their folder."""
        if not re.fullmatch(r"[\w.-][\w./*-]*", text) or not text.strip("./"):
            return
        for start in (self.root, beside, self.root / "src/ultralearn"):
            for target in start.glob(text) if "*" in text and text[0] != "*" else [start / text]:
                target = Path(os.path.normpath(target))
                if target == self.root or not target.is_relative_to(self.root) or self._is_built(target / "any"):
                    continue
                if target.is_file():
                    yield target
                elif target.is_dir() and not (target / "__init__.py").exists():
                    yield from self._files(target, "*")

    def _data(self, package: Path) -> set[Path]:
        """What lies in a package's folder beside code; of the folders there, those that are no packages."""
        found = {path for path in package.iterdir() if path.is_file() and path.suffix != ".py"}
        for folder in package.iterdir():
            holds_code = folder.is_dir() and any(folder.rglob("*.py"))
            if package != self.root / "src/ultralearn" and folder.is_dir() and not holds_code:
                found |= set(self._files(folder, "*"))
        return found

    def _below(self, package: str) -> list[str]:
        return [name for name in self.modules if name == package or name.startswith(f"{package}.")]

    def _files(self, folder: Path, pattern: str) -> list[Path]:
        found = sorted(folder.rglob(pattern)) if folder.is_dir() else []
        return [path for path in found if path.is_file() and not self._is_built(path)]

    def _is_built(self, path: Path) -> bool:
        return any(NOT_SOURCE.fullmatch(part) for part in path.relative_to(self.root).parts[:-1])


def _texts(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if id(node) not in bare:
                yield text
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)


def _week_of(path: Path) -> str:
    found = re.search(r"week_\d\d", path.as_posix())
    return found[0] if found else ""


def include(root: Path, lists: Path) -> str:
    """Return the text for make; `lists` gets a file a target, which is new where something came or went."""
    closures = Closures(root)
    rules = closures.notebooks() | closures.proofs() | closures.rooms() | closures.others()
    lines = [f"WEEKS := {' '.join(closures.weeks())}"]
    lines.append(f"ROOMS := {' '.join(stamp.rpartition('/')[2] for stamp in closures.rooms())}")
    everything: set[str] = set()
    for target, files in rules.items():
        names = sorted(path.relative_to(root).as_posix() for path in files)
        kept, text = lists / target.removeprefix("_build/").replace("/", "+"), "\n".join(names) + "\n"
        if not kept.exists() or kept.read_text(encoding="utf-8") != text:
            write_text(kept, text)
        lines.append(f"{target}: {kept.as_posix()} {' '.join(names)}")
        everything |= set(names)
    lines += [f"{name}:" for name in sorted(everything)]  # one that is deleted is no error of make
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command line."""
    target = Path(sys.argv[1])
    write_text(target, include(Path.cwd(), target.parent / "closure"))


if __name__ == "__main__":
    main()
