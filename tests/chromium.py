"""The browser that the tests use, if there is one, and what they hold pages to in it."""

import contextlib
import importlib.resources
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

AXE = importlib.resources.files("axe_playwright_python") / "axe.min.js"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """The browser, open; the test is skipped where there is none. Meanwhile no event loop can run in this thread."""
    path = os.environ.get("ULTRALEARN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on the PATH; ULTRALEARN_CHROMIUM can name one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
