"""The built site in a browser, with no way out: it works offline, by keyboard, at both widths, in both modes."""

import threading

import pytest

from tests.book.conftest import ROOT
from tests.chromium import AXE, launched, visits
from ultralearn.cli import serve

COLORS = ["color-contrast", "link-in-text-block"]  # axe's rules that look at them
THEMES_OWN = ["label-content-name-mismatch", "region"]  # axe's findings in sphinx-book-theme itself
SETTLED = """() => Promise.allSettled(document.getAnimations()
    .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
    .map(animation => animation.finished)).then(() => true)"""
PROSE = ["book/index.html", "book/plan.html", "book/how_to_study.html", "book/notation.html"]
WEEKS = sorted(f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("week_*.ipynb"))
DATA = ["book/status.html", "book/benchmarks.html", "book/proof.html", "book/colophon.html"]


@pytest.fixture(scope="session")
def address(site):
    running = serve.server(site)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()


@pytest.fixture(scope="module")
def browser():
    # Of this module alone: while it is open, no other test of this process could run an event loop.
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    """Opens a page of the site, its formulas set."""

    with visits(browser, address) as opened:

        def open_page(*arguments):
            page = opened(*arguments)
            if page.locator("script[src*=mathjax]").count():
                page.evaluate("MathJax.startup.promise.then(() => true)")
            return page

        yield open_page


@pytest.fixture(scope="session")
def exercise_page(weeks, site):
    return next(week for week in weeks if "ul-exercise" in (site / week).read_text(encoding="utf-8"))


def test_the_root_shows_the_landing_page(visit, address):
    page = visit("")
    page.wait_for_url(address + "book/index.html")
    assert page.locator(".bd-article h1").first.is_visible()


def test_search_works_offline(visit):
    page = visit("book/index.html")
    page.locator(".search-button-field").first.click()
    page.locator("dialog input[type=search], .search-button__search-container input").first.fill("notation")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=notation*")
    page.locator("#search-results li a").first.wait_for()
    found = page.locator("#search-results li a").all_inner_texts()
    assert any("Notation" in text for text in found)


def test_a_solution_opens_by_keyboard(visit, exercise_page):
    page = visit(exercise_page)
    details = page.locator(".ul-exercise details").first
    assert not details.locator("pre").is_visible()
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.locator("pre").is_visible()
    assert "def " in details.locator("pre").inner_text()


def test_a_card_opens_and_closes_by_keyboard(visit, weeks):
    for week in weeks:
        page = visit(week)
        details = page.locator(".ul-card > details").first
        answer = details.locator(":scope > :not(summary)").first
        assert not answer.is_visible()
        details.locator("summary").first.focus()
        page.keyboard.press("Enter")
        assert answer.is_visible()
        page.keyboard.press("Space")
        assert not answer.is_visible()


def test_the_deck_downloads(visit, weeks):
    page = visit(weeks[0])
    with page.expect_download() as download:
        page.locator("a.ul-deck").click()
    assert download.value.suggested_filename.endswith(".apkg")


def test_formulas_are_set(visit):
    page = visit("book/notation.html")
    page.locator("mjx-container").first.wait_for()
    assert page.locator("mjx-merror").count() == 0


def test_formulas_of_the_weeks_are_set(visit, weeks):
    for week in weeks:
        page = visit(week)
        page.locator("mjx-container").first.wait_for(state="attached")  # it may stand in a closed answer
        assert page.locator("mjx-merror").count() == 0


def test_the_color_mode_can_be_switched(visit):
    page = visit("book/plan.html")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    seen = set()
    for _ in range(3):
        page.locator(".theme-switch-button").first.click()
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


@pytest.mark.parametrize("name", [*PROSE, *DATA, *WEEKS])
def test_a_page_is_accessible_and_fits(visit, name):
    """Colors depend on the scheme and sizes on the width; neither on the other."""
    page = visit(name, 390)
    page.evaluate("document.querySelectorAll('.bd-article details').forEach(part => part.open = true)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    problems = []
    # Loaded once, narrow: the theme makes what scrolls there reachable by keyboard when it loads, and only then.
    for width, without in ((390, []), (1280, COLORS)):
        page.set_viewport_size({"width": width, "height": 900})
        scrolled = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        problems += [f"{scrolled} px wider than the window"] if scrolled > 0 else []
        problems += [f"at {width} px: {problem}" for problem in findings(page, without=without)]
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    problems += [f"in the dark: {problem}" for problem in findings(page, only=COLORS)]
    assert not problems, "\n".join(problems)


def findings(page, only=(), without=()):
    """What axe has to say, by these rules or by all, less some."""
    page.evaluate(SETTLED)  # what fades in has its colors only at the end
    options = {"preload": False, "rules": {rule: {"enabled": False} for rule in [*THEMES_OWN, *without]}}
    if only:
        options = {"preload": False, "runOnly": {"type": "rule", "values": only}}
    found = page.evaluate("options => axe.run(options).then(result => result.violations)", options)
    return [
        f"{finding['id']}: {finding['help']}: {[node['target'] for node in finding['nodes'][:3]]}" for finding in found
    ]
