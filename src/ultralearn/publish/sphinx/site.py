"""What the theme does not do by itself: links to the right branches, no thebe, figures with size and words."""

import importlib.metadata
import re
import shutil
import struct
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2/")  # what a page with formulas asks for
DRAWN_AT, SHOWN_AT = 150, 100  # pixels an inch: of a figure (book.mplstyle), and of a page
PUBLISHED = "published"  # the branch with the executed notebooks; Colab opens files from a branch only


def drop_thebe(app: Sphinx, config: Config) -> None:
    """Unplug thebe, which Jupyter Book puts on every page: this book launches nothing inside the page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [listener for listener in listeners if listener.handler.__module__ != "sphinx_thebe"]
    files = app.registry.css_files
    files[:] = [file for file in files if file[0] != "sphinx-thebe.css"]


def add_links(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Give the header (book/_templates/article-header-buttons.html) the links of this page.

    Everything comes from the repository's address in _config.yml. A notebook is edited in its percent source on
    the main branch, opened in Colab from the published one, and downloaded from the site itself.
    """
    options = app.config.html_theme_options
    address = str(options.get("repository_url", "")).rstrip("/")
    branch = options.get("repository_branch") or "main"
    context["ul_repository"] = address
    if doctree is None or not address:
        return
    source = app.env.doc2path(page, base=False)
    if str(source).endswith(".ipynb"):
        owner_and_name = address.removeprefix("https://github.com/")
        context["ul_colab"] = f"https://colab.research.google.com/github/{owner_and_name}/blob/{PUBLISHED}/{source}"
        context["ul_download"] = f"{context['pathto']('_sources', 1)}/{context['sourcename']}"
        source = f"{page}.py"
    context["ul_edit"] = f"{address}/edit/{branch}/{source}"


TITLE = re.compile(r"""(?:set_title|suptitle|\.title)\(\s*(["'])(?P<words>.+?)\1""", re.DOTALL)


def finish_figures(app: Sphinx, tree: nodes.document) -> None:
    """Give each figure of a notebook its size on the page, and its title as words for those who do not see it."""
    for cell in tree.findall(lambda node: isinstance(node, nodes.container) and "cell" in node["classes"]):
        titles = [match["words"].replace("\\n", " ") for match in TITLE.finditer(cell.astext())]
        words = " ".join(title for title in titles if "{" not in title) or "Figure drawn by the cell above."
        for image in cell.findall(nodes.image):
            image.setdefault("alt", words)
            path = Path(app.srcdir) / image["uri"]
            if path.suffix == ".png" and path.exists():
                image["width"] = f"{png_width(path) * SHOWN_AT // DRAWN_AT}px"


def png_width(path: Path) -> int:
    """Width of a PNG in pixels, from its header."""
    with path.open("rb") as file:
        header = file.read(24)
    return int(struct.unpack(">I", header[16:20])[0])


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax beside the pages, from the package that carries it: no page asks for anything outside."""
    if error is not None or app.builder.format != "html":
        return
    for file in importlib.metadata.files("sphinx-mathjax-offline") or []:
        _, found, name = str(file).partition("/static/mathjax/")
        if found and name.startswith(MATHJAX):
            target = Path(app.outdir) / "_static/mathjax" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", finish_figures)
    app.connect("config-inited", drop_thebe)
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", add_links, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
