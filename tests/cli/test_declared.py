"""What the package declares is all that it needs: here the command runs where nothing else can be seen."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.gates.month_03 import apis


def declared(extras: frozenset[str] = frozenset()) -> dict[str, set[str]]:
    """The distributions that the package declares, and the extras asked of each."""
    wanted: dict[str, set[str]] = {}
    for text in importlib.metadata.requires("ultralearn") or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            wanted.setdefault(canonicalize_name(requirement.name), set()).update(requirement.extras)
    return wanted


def closure() -> set[str]:
    """What `pip install .` brings: the declared distributions, what they declare, and so on."""
    found: set[str] = {"ultralearn"}
    todo = list(declared().items())
    while todo:
        name, extras = todo.pop()
        if name in found:
            continue
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            asked = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}
            )
            if asked:
                todo.append((canonicalize_name(requirement.name), set(requirement.extras)))
    return found


HIDING = """
import importlib.metadata, json, sys

hidden = json.loads(sys.argv.pop(1))

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden["modules"]:
            raise ModuleNotFoundError(f"No module named {name!r}: nothing that is declared brings it", name=name)

sys.meta_path.insert(0, Hides())
found = importlib.metadata.Distribution.from_name

def from_name(name):
    if name.lower().replace("_", "-") in hidden["distributions"]:
        raise importlib.metadata.PackageNotFoundError(name)
    return found(name)

importlib.metadata.Distribution.from_name = from_name
from ultralearn.cli.main import main
main()
"""


def run_with_declared_alone(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    brought = closure()
    by_module = {
        module: {canonicalize_name(name) for name in names}
        for module, names in importlib.metadata.packages_distributions().items()
    }
    hidden = {
        "modules": sorted(module for module, names in by_module.items() if not names & brought),
        "distributions": sorted(set().union(*by_module.values()) - brought),
    }
    assert {"pytest", "httpx"} <= set(hidden["modules"]), "the test would hide nothing"
    command = [sys.executable, "-c", HIDING, json.dumps(hidden), *arguments]
    environment = os.environ | {"ULTRALEARN_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_gate_keeps_its_report_with_nothing_but_what_is_declared(tmp_path):
    address = f"http://127.0.0.1:{apis.free_port()}"
    ran = run_with_declared_alone("gate", "3", "--url", address, home=tmp_path)
    assert ran.returncode == 1, ran.stderr
    [kept] = (tmp_path / "gates").glob("*.json")
    assert json.loads(kept.read_text())["subject"] == address


def asked_versions(tree: ast.AST) -> set[str]:
    """The names in `version("name")`, and in `version(name) for name in ("a", "b")`."""
    asked = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.DictComp | ast.ListComp | ast.Call) and "version(" in ast.unparse(node):
            given = node.args if isinstance(node, ast.Call) else [part.iter for part in node.generators]
            constants = (part.value for parent in given for part in ast.walk(parent) if isinstance(part, ast.Constant))
            asked |= {value for value in constants if isinstance(value, str)}
    return asked


def test_every_version_that_is_asked_for_is_that_of_a_declared_distribution():
    asked = {
        name
        for path in Path("src").rglob("*.py")
        for name in asked_versions(ast.parse(path.read_text(encoding="utf-8")))
        if re.fullmatch(r"[a-z][a-z0-9.-]*", name)
    }
    assert {"torch", "ultralearn"} <= asked, "the test would find none"
    assert asked <= set(declared()) | {"ultralearn"}
