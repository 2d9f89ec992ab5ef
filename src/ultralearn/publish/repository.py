"""The repository's public address: it stands in `_config.yml`, and publishing fills it in where it is needed.

`python -m ultralearn.publish.repository https://github.com/someone/ultralearn` changes the checkout in place.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from ultralearn import files

PLACEHOLDER = "@REPOSITORY@"  # in the notebooks' first cell
CONFIG = Path("_config.yml")
URL_LINE = re.compile(r"^(\s+url:\s*)(https://\S+)", re.MULTILINE)
ADDRESS = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]+")


def address(root: Path = Path()) -> str:
    """Return the repository's address. Raises ValueError where `_config.yml` has none."""
    found = URL_LINE.search((root / CONFIG).read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{root / CONFIG} has no `url: https://…` under `repository:`")
    return found.group(2)


def fill(root: Path, new: str) -> list[Path]:
    """Put `new` in the place of the address everywhere below `root`, and return the files that changed.

    Raises ValueError where `new` is no address of the form https://host/owner/name.
    """
    if not ADDRESS.fullmatch(new):
        raise ValueError(f"got {new!r}, expected an address like https://host/owner/name")
    old = address(root)
    changed = []
    for path in [root / CONFIG, *sorted((root / "notebooks").glob("week_*"))]:
        text = path.read_text(encoding="utf-8")
        filled = text.replace(old, new).replace(PLACEHOLDER, new)
        if filled != text:
            files.write_text(path, filled)
            changed.append(path)
    return changed


def main() -> None:
    """Run the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ultralearn.publish.repository https://host/owner/name")
    try:
        for path in fill(Path(), sys.argv[1]):
            print(f"filled {path}")
    except ValueError as error:
        sys.exit(f"Nothing was filled: {error}")


if __name__ == "__main__":
    main()
