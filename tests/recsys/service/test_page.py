"""The page: a plain form by GET, in a browser with and without its script, at both widths, in both modes."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.book.test_browser import AXE, FLAGS, NAMES, chromium
from tests.recsys.service.conftest import N_ITEMS, Process
from ultralearn.recsys.service.page import MAX_PICKS, search
from ultralearn.recsys.service.release import load_release


def titles_in(text, part):
    """Titles in one list of the page, in order."""
    found = re.search(rf'id="{part}">(.*?)</[uo]l>', text, re.S)
    return [] if found is None else [html.unescape(title) for title in re.findall(r'"title">(.*?)<', found[1])]


def test_without_stars_it_shows_what_is_popular(client, releases):
    release = load_release(releases / "one")
    response = client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    popular = [release.catalog[best.item].title for best in release.popular(10).items]
    assert titles_in(response.text, "recommended") == popular
    assert "in 100 people watched it" in response.text
    assert not set(titles_in(response.text, "hits")) & set(popular)


def test_stars_change_what_fits_and_say_why(client, releases):
    release = load_release(releases / "one")
    text = client.get("/?film-4=5&film-6=2").text
    expected = release.fold_in([3, 5], [5, 2], 10)
    assert titles_in(text, "recommended") == [release.catalog[best.item].title for best in expected.items]
    assert titles_in(text, "picked") == ["Film 3", "Film 5"]
    assert text.count("Because you liked <cite>Film 3</cite>") == sum(bool(best.because) for best in expected.items) > 0
    assert "<cite>Film 5</cite>" not in text  # two stars are no liking
    assert titles_in(client.get("/?film-4=1&film-6=5").text, "recommended") != titles_in(text, "recommended")


def test_what_moved_is_marked(client):
    first = client.get("/?film-4=5").text
    was = re.search(r'name="was" value="([\d,]+)"', first)[1]
    second = client.get(f"/?film-4=5&film-9=5&was={was}").text
    assert "change" not in first
    assert '<span class="hidden">up ' in second or '"change new"' in second
    assert "change" not in client.get(f"/?film-4=5&was={was}").text


def test_a_film_is_taken_back(client):
    assert titles_in(client.get("/?film-4=5&film-6=4&film-4=0").text, "picked") == ["Film 5"]


def test_search(client, releases):
    release = load_release(releases / "one")
    assert titles_in(client.get("/?q=film+1").text, "hits")[0].startswith("Film 1")
    assert titles_in(client.get("/?q=AMÉLIE").text, "hits") == ["Amélie ☆"]
    assert "No film here has “xyzzy”" in client.get("/?q=xyzzy").text
    assert search(release, "film", N_ITEMS) == sorted(
        (item for item in range(2, N_ITEMS)), key=lambda item: (-release.popularity[item], item)
    )


def test_titles_and_searches_are_text_and_not_html(client):
    text = client.get("/", params={"q": "<script>alert(1)</script>", "film-1": "5"}).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;Co&#34;" in text


def test_nonsense_in_the_address_is_said_and_does_no_harm(client):
    for query in ("film-0=5", f"film-{N_ITEMS + 1}=5", "film-x=5", "film-4=6", "film-4=", "film-١=5", "film-4=five"):
        response = client.get(f"/?{query}")
        assert response.status_code == 200
        assert "1 entry in this page" in response.text, query
    assert client.get("/?was=1,x,,99999&q=" + "y" * 500 + "&other=1").status_code == 200
    many = "&".join(f"film-{film}=3" for film in range(1, N_ITEMS + 1))
    assert client.get(f"/?{many}").status_code == 200
    assert MAX_PICKS >= 100


def test_it_asks_nobody_else_and_is_not_framed_or_kept(client):
    response = client.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cache-control"] == "no-store"
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', response.text)
    for name, media_type in (("page.css", "text/css"), ("page.js", "text/javascript")):
        assert client.get(f"/{name}").headers["content-type"].startswith(media_type)


def test_it_can_be_left_out(client_of, releases):
    assert client_of(releases / "one", page=False).get("/").status_code == 404


@pytest.fixture(scope="module")
def address(releases):
    process = Process(releases / "one", drain_seconds=0).wait_until_ready()
    yield process.url + "/"
    process.stop()


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on the PATH; ULTRALEARN_CHROMIUM can name one")
    from playwright.sync_api import sync_playwright

    # Of this module alone: while it is open, no other test could run an event loop.
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end nothing was asked of others and nothing was complained of."""
    requests, complaints, contexts = [], [], []

    def open_page(path="", width=1280, scheme="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith((address, "data:"))] == []
    assert complaints == []


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
    page = visit(script=False)
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_accessible_and_fits(visit, width, scheme):
    problems = []
    for path in ("", "?film-4=5&film-6=3&film-1=1&q=film&was=1,2,3,4,5,6,7,8,9,10", "?q=xyzzy&film-999=9"):
        page = visit(path, width, scheme)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            problems.append(f"{path}: {wider} px wider than the window")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for finding in page.evaluate("axe.run({preload: false}).then(result => result.violations)"):
            where = [node["target"] for node in finding["nodes"][:3]]
            problems.append(f"{path}: {finding['id']}: {finding['help']}: {where}")
    assert not problems, "\n".join(problems)
