"""The browser that the tests use, if there is one, and what they hold pages to in it."""

import contextlib
import importlib.resources
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

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
LONG = 300_000  # milliseconds: no verdict depends on how busy the machine is
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


@contextlib.contextmanager
def visits(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """A function that opens the page `address + name`; at the end nothing was asked of others nor complained of.

    The pages' requests are carried out here, not by the browser: it drops those under way whenever the
    machine's network changes (ERR_NETWORK_CHANGED), as it does while the tests beside these start containers.
    """
    outside: list[str] = []
    complaints: list[str] = []
    contexts = []
    client = httpx2.Client(timeout=LONG / 1000)

    def carry_out(route: Route) -> None:
        if route.request.url.startswith(address):
            asked = route.request
            answer = client.request(asked.method, asked.url, headers=asked.headers, content=asked.post_data_buffer)
            kept = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
            route.fulfill(status=answer.status_code, headers=kept, body=answer.content)
        else:
            outside.append(route.request.url)
            route.abort()

    def open_page(name: str = "", width: int = 1280, scheme: Any = "light", **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        contexts.append(context)
        context.set_default_timeout(LONG)
        context.route(lambda url: not url.startswith(("data:", "blob:")), carry_out)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + name)
        return page

    yield open_page
    for context in contexts:
        context.close()
    client.close()
    assert outside == []
    assert complaints == []
