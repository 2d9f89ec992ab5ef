"""The learner's own copies in `work/`: made from the published notebooks, never overwritten.

`python -m ultralearn.cli.lab [--fresh]`
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ultralearn.publish import notebooks

WORK = Path("work")


def make_copies(folder: Path = notebooks.FOLDER, work: Path = WORK, fresh: bool = False) -> list[Path]:
    """Copy each published notebook that has no copy yet, and return the new ones; `fresh` copies beside those there."""
    made = []
    for published in sorted(folder.glob("week_*.ipynb")):
        target = work / published.name
        if target.exists() and not fresh:
            continue
        number = 2
        while target.exists():
            target = work / f"{published.stem}_{number}.ipynb"
            number += 1
        notebook = notebooks.read(published)
        notebook.metadata.pop("jupytext", None)  # a copy is no pair
        notebooks.write(notebook, target)
        made.append(target)
    return made


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="put new copies beside those there")
    for path in make_copies(fresh=parser.parse_args().fresh):
        print(f"made {path}")


if __name__ == "__main__":
    main()
