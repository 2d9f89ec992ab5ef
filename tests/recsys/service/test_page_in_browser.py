"""The page in a browser: by hand, by keyboard, by touch, at every width, in both modes."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.chromium import AXE, launched, visits
from tests.recsys.service.conftest import Process


@pytest.fixture(scope="module")
def address(releases):
    process = Process(releases / "one", drain_seconds=0).wait_until_ready()
    yield process.url + "/"
    process.stop()


@pytest.fixture(scope="module")
def browser():
    # Of this module alone: while it is open, no other test could run an event loop.
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    with visits(browser, address) as open_page:
        yield open_page


def recommended(page):
    return page.locator("#recommended .title").all_inner_texts()


def stars_in(page):
    """The films in the page's address, with their stars."""
    return {
        name.removeprefix("film-"): values[-1]
        for name, values in parse_qs(urlsplit(page.url).query).items()
        if name.startswith("film-")
    }


def test_by_hand_without_script(visit):
    page = visit(java_script_enabled=False)
    before = recommended(page)
    page.get_by_label("Title").fill("film 12")
    page.get_by_role("button", name="Search").click()
    assert page.locator("#hits .title").first.inner_text() == "Film 12"
    page.locator("#hits").get_by_role("group", name="Stars for Film 12").get_by_label("5 stars").check(force=True)
    page.get_by_role("button", name="Show what fits").click()
    assert stars_in(page) == {"13": "5"}
    assert recommended(page) != before
    assert "Film 12" not in recommended(page)
    assert page.get_by_text("Because you liked Film 12").count() > 0
    page.locator("#picked").get_by_label("forget").check(force=True)
    page.get_by_role("button", name="Show what fits").click()
    assert recommended(page) == before


def test_by_keyboard_alone(visit):
    page = visit()
    before = recommended(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("film 12")
    page.keyboard.press("Enter")
    page.locator("#hits .title", has_text="Film 12").first.wait_for()
    assert page.evaluate("document.activeElement.id") == "q"  # where they were
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "hit-13-1"
    for stars in (1, 2, 3, 4):  # the space bar, then arrows: one stop for five stars
        page.keyboard.press("Space" if stars == 1 else "ArrowRight")
        page.wait_for_url(f"**film-13={stars}*")
        page.locator(f"#pick-13-{stars}:focus").wait_for()
    assert recommended(page) != before
    assert "Because you liked Film 12" in page.locator("#recommended").inner_text()
    said = page.locator("#said").inner_text()
    assert "From 1 film with your stars" in said
    page.go_back()
    page.locator("#pick-13-3:checked").wait_for()


def test_on_a_phone_by_touch(visit):
    page = visit(width=390)
    label = page.locator("#recommended label").first.bounding_box()
    assert min(label["width"], label["height"]) >= 24
    first = recommended(page)[0].split(". ")[-1]
    page.locator("#recommended label").nth(4).click()
    page.locator("#picked .title", has_text=first).first.wait_for()
    assert first not in recommended(page)


PATHS = ["", "?film-4=5&film-6=3&film-1=1&q=film&was=1,2,3,4,5,6,7,8,9,10", "?q=xyzzy&film-999=9"]


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits(visit, width):
    for path in PATHS:
        page = visit(path, width)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_it_is_accessible(visit, scheme, width):
    """Colors depend on the scheme and sizes on the width; neither on the other."""
    problems = []
    for path in PATHS:
        page = visit(path, width, scheme)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for finding in page.evaluate("axe.run({preload: false}).then(result => result.violations)"):
            where = [node["target"] for node in finding["nodes"][:3]]
            problems.append(f"{path}: {finding['id']}: {finding['help']}: {where}")
    assert not problems, "\n".join(problems)
