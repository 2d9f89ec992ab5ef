"""What a gate found: one line a check, the verdict that follows from them, and the report that is kept."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ultralearn import files

Status = Literal["verified", "failed", "not checked"]
Verdict = Literal["passed", "ready, not deployed", "failed"]


@dataclass(frozen=True)
class Finding:
    """What one check found. Make it with verified, failed or not_checked."""

    status: Status
    seen: str
    todo: str = ""


def verified(seen: str) -> Finding:
    """It holds, and this is what was seen."""
    return Finding("verified", seen)


def failed(seen: str, todo: str) -> Finding:
    """It does not hold: what was seen, and what to do about it."""
    return Finding("failed", seen, todo)


def not_checked(why: str, todo: str = "") -> Finding:
    """It was not looked at, and why."""
    return Finding("not checked", why, todo)


@dataclass(frozen=True)
class Line:
    """A check in the report. `only_deployed`: a check that work which runs on one's own machine cannot meet yet."""

    name: str
    claim: str
    finding: Finding
    seconds: float = 0.0
    only_deployed: bool = False


@dataclass(frozen=True)
class Measured:
    """Something counted that decides nothing: shown beside the checks, and never as one."""

    name: str
    seen: str


def verdict(expected: Sequence[str], lines: Sequence[Line]) -> Verdict:
    """Passed if every check that is expected has its one line, and each line is verified.

    Ready, not deployed if all that is missing are checks which could only be made of something deployed.
    Failed in every other case: a line too few, a check not made, no check at all.
    """
    if not expected or sorted(expected) != sorted(line.name for line in lines):
        return "failed"
    missing = [line for line in lines if line.finding.status != "verified"]
    if not missing:
        return "passed"
    only_undeployed = all(line.only_deployed and line.finding.status == "not checked" for line in missing)
    # Were nothing but deployment looked at, there would be nothing that is ready.
    return "ready, not deployed" if only_undeployed and len(missing) < len(lines) else "failed"


@dataclass(frozen=True)
class Report:
    """A gate's report, whole: enough to see later what was tested, when, how, and what came of it.

    started: ISO 8601, UTC. seed: with it the gate asks the same again.
    """

    month: int
    subject: str  # what was tested: an address, a folder
    started: str
    seconds: float
    seed: int
    verdict: Verdict
    lines: tuple[Line, ...]
    measured: tuple[Measured, ...]
    versions: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON has it: a flat entry for each check."""
        checks = [
            {"name": line.name, "claim": line.claim, **asdict(line.finding), "seconds": round(line.seconds, 3)}
            for line in self.lines
        ]
        content = {name: value for name, value in asdict(self).items() if name not in ("lines", "measured")}
        return content | {"checks": checks, "measured": [asdict(entry) for entry in self.measured]}

    def save(self, folder: Path) -> Path:
        """Writes the report into the folder, whole or not at all, under a name of its own. Raises OSError."""
        stamp = self.started.replace(":", "").replace("-", "").partition("+")[0]
        path = folder / f"gate_{self.month}_{stamp}Z.json"
        files.write_text(path, json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n")
        return path
