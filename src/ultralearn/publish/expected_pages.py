"""Hold that a build made every page of `_toc.yml`: a build that makes nothing can still end with 0.

`python -m ultralearn.publish.expected_pages _build/book/_build/html`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml


def pages(toc: Path = Path("_toc.yml")) -> list[str]:
    """Return the pages of the table of contents, without suffix. Raises ValueError for a glob that matches nothing."""
    contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
    found: list[str] = [contents["root"]]
    _collect(contents, toc.parent, found)
    return found


def _collect(node: Any, root: Path, found: list[str]) -> None:
    if isinstance(node, list):
        for part in node:
            _collect(part, root, found)
    elif isinstance(node, dict):
        if "file" in node:
            found.append(node["file"])
        if "glob" in node:
            matches = sorted(
                {str(path.relative_to(root).with_suffix("")) for path in root.glob(node["glob"] + ".ipynb")}
            )
            if not matches:
                raise ValueError(f"_toc.yml: no notebook matches {node['glob']}")
            found.extend(matches)
        for value in node.values():
            _collect(value, root, found)


def missing(site: Path, toc: Path = Path("_toc.yml")) -> list[str]:
    """Return the pages that the site lacks or that are empty, the first page and the search among them."""
    expected = ["index", "search", *pages(toc)]
    files = [site / f"{page}.html" for page in expected]
    return [str(file) for file in files if not file.exists() or file.stat().st_size < 50]


def main() -> None:
    """Run the command line."""
    site = Path(sys.argv[1])
    try:
        lacking = missing(site)
    except ValueError as error:
        sys.exit(str(error))
    if lacking:
        sys.exit("The build ended, but these pages are missing or empty:\n" + "\n".join(lacking))
    print(f"{len(pages())} pages are there.")


if __name__ == "__main__":
    main()
