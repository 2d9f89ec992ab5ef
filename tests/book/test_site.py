"""The built site, read file by file: its pages are there, its links lead somewhere, it loads nothing from outside."""

import re
import zipfile

import pytest
import yaml

from tests.book.checker import Page, broken, is_external
from tests.book.conftest import ROOT
from ultralearn.exercises.week_07.discounted_returns import sums_from_the_front

PROSE = ["index", "plan", "how_to_study", "notation", "status", "benchmarks", "proof", "colophon"]


def page(pages, name):
    return next(page for page in pages if page.path.as_posix().endswith(f"/{name}"))


@pytest.mark.parametrize("name", PROSE)
def test_prose_pages_have_text(name, pages):
    assert len(page(pages, f"book/{name}.html").text()) > 500


def test_the_root_leads_to_the_landing_page(site):
    assert "book/index.html" in (site / "index.html").read_text(encoding="utf-8")


def test_every_notebook_is_a_page(weeks):
    notebooks = sorted(f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("week_*.ipynb"))
    assert weeks == notebooks
    assert notebooks


def test_internal_links_images_and_anchors_lead_somewhere(site, pages):
    assert broken(site, pages) == []


def test_the_checker_of_links_finds_what_is_broken(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.html").write_text(
        '<p id="here"></p><a href="#here"></a><a href="#gone"></a><a href="../two.html#there"></a>'
        '<a href="../two.html#gone"></a><img src="gone.png"><a href="https://example.org/x"></a>'
        '<a href="/two.html"></a>'
    )
    (tmp_path / "two.html").write_text('<p id="there"></p>')
    pages = [Page(tmp_path / "a/one.html"), Page(tmp_path / "two.html")]
    assert broken(tmp_path, pages) == [
        "a/one.html -> #gone",
        "a/one.html -> ../two.html#gone",
        "a/one.html -> gone.png",
    ]


def test_no_page_loads_anything_from_outside(pages):
    loaded = {
        f"{page.path.name}: {address}"
        for page in pages
        for address in [*page.loads, *[url for style in page.styles for url in urls_in(style)]]
        if is_external(address) and not address.startswith("data:")
    }
    assert loaded == set()


def test_no_style_sheet_loads_anything_from_outside(site):
    loaded = {
        f"{path.relative_to(site)}: {address}"
        for path in site.rglob("*.css")
        for address in urls_in(path.read_text(encoding="utf-8"))
        if is_external(address) and not address.startswith("data:")
    }
    assert loaded == set()


def urls_in(style):
    return [match.strip("'\" ") for match in re.findall(r"(?:url\(|@import\s+)([^)\s;]+)", style)]


def test_there_is_one_search_box_and_no_thebe(pages, site, weeks):
    for name in ["book/index.html", *weeks]:
        html = (site / name).read_text(encoding="utf-8")
        assert "thebe" not in html.lower()
        assert len(re.findall(r"<input[^>]+type=\"search\"", html)) == 1


def test_math_comes_from_the_site_itself(site):
    html = (site / "book/notation.html").read_text(encoding="utf-8")
    assert "_static/mathjax/tex-chtml.js" in html
    assert (site / "_static/mathjax/tex-chtml.js").exists()
    assert list((site / "_static/mathjax/output/chtml/fonts/woff-v2").glob("*.woff"))
    assert (site / "_static/mathjax/LICENSE").exists()


def test_a_week_offers_colab_download_and_edit_from_the_configured_repository(site, weeks):
    address = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    name = address.removeprefix("https://github.com/")
    for week in weeks:
        links = Page(site / week).links
        stem = week.removesuffix(".html")
        assert f"https://colab.research.google.com/github/{name}/blob/published/{stem}.ipynb" in links
        assert f"{address}/edit/main/{stem}.py" in links
        assert f"../_sources/{stem}.ipynb" in links
        assert (site / f"_sources/{stem}.ipynb").read_bytes() == (ROOT / f"{stem}.ipynb").read_bytes()
    assert f"{address}/edit/main/book/plan.md" in Page(site / "book/plan.html").links


def test_previous_and_next_go_through_every_page(site, pages):
    html = (site / "book/plan.html").read_text(encoding="utf-8")
    assert "left-prev" in html
    assert "right-next" in html


def test_every_week_shows_its_cards_and_offers_the_deck(site, weeks):
    for week in weeks:
        name = week.removeprefix("notebooks/")[:7]
        found = Page(site / week)
        assert sum(anchor.startswith(f"card-{name}-") for anchor in found.anchors) >= 10
        assert f"../cards/{name}.apkg" in found.links
        with zipfile.ZipFile(site / f"cards/{name}.apkg") as deck:
            assert "collection.anki2" in deck.namelist()


def test_every_picture_has_words(site, weeks):
    for week in weeks:
        html = (site / week).read_text(encoding="utf-8")
        for image in re.findall(r"<img[^>]*>", html):
            words = re.search(r'alt="([^"]*)"', image)
            assert words, image
            assert not words[1].endswith(".png"), image


def test_the_plan_shows_52_weeks_and_marks_those_that_are_planned(pages, weeks):
    text = page(pages, "book/plan.html").text()
    assert text.count(" planned ") >= 52 - len(weeks)
    for month in (3, 6, 9, 12):
        assert f"Gate, month {month}" in text
    assert f"{len(weeks)} of the 52 weeks" in text


def test_status_and_proof_show_what_was_accepted(pages):
    assert "No run has been accepted yet" not in page(pages, "book/status.html").text()
    assert "No run has been accepted yet" not in page(pages, "book/proof.html").text()


def test_the_data_sets_terms_and_citation_are_stated(pages):
    text = page(pages, "book/colophon.html").text()
    for words in ("Harper", "10.1145/2827872", "redistribute", "commercially", "MIT", "Creative Commons"):
        assert words in text


def test_the_hint_on_the_landing_page_is_one_that_a_learner_gets(pages):
    words = " ".join((sums_from_the_front.__doc__ or "").split())
    quoted = re.search(r"and run the cell: (Your .*?) That is the mistake", page(pages, "book/index.html").text())
    assert quoted
    assert quoted[1].rstrip(".") in words


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_front_pages_link_to_files_that_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not is_external(link)]
    assert [link for link in links if link and not (ROOT / link).exists()] == []
