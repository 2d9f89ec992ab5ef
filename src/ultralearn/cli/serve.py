"""Serve the built site on a free local port and open it.

`python -m ultralearn.cli.serve _build/book/_build/html`
"""

from __future__ import annotations

import functools
import sys
import webbrowser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class QuietHandler(SimpleHTTPRequestHandler):
    """A handler that does not log each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def server(site: Path) -> ThreadingHTTPServer:
    """Return a server of the site on a free port, for this machine alone. Raises FileNotFoundError without a site."""
    if not (site / "index.html").exists():
        raise FileNotFoundError(f"{site} holds no index.html. Run `make book`.")
    return ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(site)))


def main() -> None:
    """Serve until interrupted."""
    try:
        running = server(Path(sys.argv[1]))
    except FileNotFoundError as error:
        sys.exit(str(error))
    address = f"http://127.0.0.1:{running.server_port}/"
    print(f"The book is at {address} (Ctrl-C ends it)", flush=True)
    webbrowser.open(address)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        running.server_close()


if __name__ == "__main__":
    main()
