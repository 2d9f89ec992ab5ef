"""The links of a built site, followed without a browser."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

# What a browser fetches by itself, as opposed to what a reader may click.
# A tag and an attribute in one string: "src" alone is a folder of the repository, on which these tests would depend.
LOADED = {
    tuple(pair.split())
    for pair in (
        "script src",
        "img src",
        "source src",
        "video src",
        "audio src",
        "iframe src",
        "embed src",
        "object data",
        "use href",
        "image href",
    )
}
LOADED_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "manifest"}


@dataclass
class Page(HTMLParser):
    """One page: where it links to, what it loads, which anchors it has."""

    path: Path
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    styles: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    _tag: str = ""

    def __post_init__(self):
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if "style" in given:
            self.styles.append(given["style"])
        for name, value in given.items():
            if (tag, name) in LOADED:
                self.loads.append(value)
        if tag == "link" and LOADED_RELATIONS & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        elif tag in {"a", "link"} and "href" in given:
            self.links.append(given["href"])
        if "srcset" in given:
            self.loads += [part.split()[0] for part in given["srcset"].split(",")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self._tag = ""

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag == "style":
            self.styles.append(data)
        elif self._tag != "script":
            self.words.append(data)

    def text(self):
        return " ".join(" ".join(self.words).split())


def is_external(address):
    return bool(urlsplit(address).scheme or address.startswith("//"))


def broken(site, pages):
    """Every internal address that leads nowhere, as 'page -> address'."""
    by_path = {page.path.resolve(): page for page in pages}
    found = []
    for page in pages:
        for address in [*page.links, *page.loads]:
            if is_external(address) or not address:
                continue
            target, anchor = urldefrag(address)
            target = unquote(urlsplit(target).path)
            base = site if target.startswith("/") else page.path.parent
            path = (base / target.lstrip("/")).resolve() if target else page.path.resolve()
            if path.is_dir():
                path = path / "index.html"
            missing = not path.is_file()
            unanchored = anchor and path in by_path and unquote(anchor) not in by_path[path].anchors
            if missing or unanchored:
                found.append(f"{page.path.relative_to(site)} -> {address}")
    return found
