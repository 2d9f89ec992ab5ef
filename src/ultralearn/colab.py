"""What the first cell of a notebook does on Colab, and only there."""

import importlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

# Colab's own builds fit its drivers and its kernel: replacing them breaks the session.
NEVER_INSTALLED = {"torch", "numpy"}


def unmet_requirements(package: str = "ultralearn") -> list[tuple[Requirement, str | None]]:
    """The requirements of `package`, extras left out, that are not met, each with the version that is installed."""
    unmet: list[tuple[Requirement, str | None]] = []
    for line in importlib.metadata.requires(package) or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        requirement.marker = None
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            unmet.append((requirement, None))
        else:
            if not requirement.specifier.contains(installed, prereleases=True):
                unmet.append((requirement, installed))
    return unmet


def prepare() -> None:
    """Install what is missing or too old, then offer to keep the learner's log on their Drive."""
    unmet = unmet_requirements()
    ours = [(requirement, installed) for requirement, installed in unmet if requirement.name not in NEVER_INSTALLED]
    if ours:
        wanted = [str(requirement) for requirement, _ in ours]
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *wanted], check=True)
        importlib.invalidate_caches()
    replaced = [requirement.name for requirement, installed in ours if installed]
    if replaced:
        print(
            f"Replaced, because Colab's was too old: {', '.join(replaced)}. If a cell below complains of one of them, "
            "restart the session (Runtime, Restart session) and begin again here."
        )
    for requirement, installed in unmet:
        if requirement.name in NEVER_INSTALLED:
            print(
                f"Colab has {requirement.name} {installed or '(none)'}, the course needs {requirement}. It is not "
                "replaced, which would break the session: cells may fail. Choose a newer runtime version (Runtime, "
                "Change runtime type), or run the course on your own machine."
            )
    answer = input("Keep your progress on Google Drive, so that it outlives this session? [y/N] ")
    if answer.strip().lower().startswith("y"):
        from google.colab import drive  # exists on Colab only

        drive.mount("/content/drive")
        os.environ["ULTRALEARN_HOME"] = str(Path("/content/drive/MyDrive/ultralearn"))
