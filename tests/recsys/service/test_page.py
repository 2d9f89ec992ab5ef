"""The page as it is sent: a plain form by GET."""

import html
import re

from tests.recsys.service.conftest import N_ITEMS
from ultralearn.recsys.service.loading import load_release
from ultralearn.recsys.service.page import MAX_PICKS, search


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
