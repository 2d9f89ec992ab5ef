"""What the first cell of a notebook does on Colab, and only there."""

import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

# Colab's own builds fit its drivers and its kernel: replacing them breaks the session.
NEVER_INSTALLED = {"torch", "numpy"}


def missing_requirements(package: str = "ultralearn") -> list[str]:
    """The requirements of `package` that are not installed, as pip takes them; extras and torch and numpy left out."""
    missing = []
    for requirement in importlib.metadata.requires(package) or []:
        specifier, _, marker = requirement.partition(";")
        name = re.split(r"[\s<>=!~\[(]", specifier.strip(), maxsplit=1)[0]
        if "extra" in marker or name.lower() in NEVER_INSTALLED:
            continue
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(specifier.strip())
    return missing


def prepare() -> None:
    """Install what is missing, then offer to keep the learner's log on their Drive."""
    missing = missing_requirements()
    if missing:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", *missing], check=True)
        importlib.invalidate_caches()
    answer = input("Keep your progress on Google Drive, so that it outlives this session? [y/N] ")
    if answer.strip().lower().startswith("y"):
        from google.colab import drive  # exists on Colab only

        drive.mount("/content/drive")
        os.environ["ULTRALEARN_HOME"] = str(Path("/content/drive/MyDrive/ultralearn"))
