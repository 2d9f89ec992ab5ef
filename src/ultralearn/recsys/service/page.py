"""The page at /: pick films, give stars, see what fits and why. One form, sent by GET; works without its script.

What somebody picked is in the address and nowhere else: nothing is stored, and the address can be kept or passed on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from ultralearn.recsys.service.scoring import Recommendations, Release
from ultralearn.recsys.service.serving import DEFAULT_K, Service, answer_headers

PACKAGE = "ultralearn.recsys.service"
MAX_PICKS = 100
MAX_QUERY = 80
SHOWN = 8  # films to pick from, at a time
STATIC = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
HEADERS = {
    # Nothing from anywhere else, and nobody may frame it.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the address says what somebody likes
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Asked:
    """What the form holds: films by MovieLens's ids with their stars, a search, and what was shown before."""

    stars: dict[int, int]
    query: str
    before: tuple[int, ...]
    left_out: int

    @classmethod
    def from_query(cls, parameters: Iterable[tuple[str, str]], n_items: int) -> "Asked":
        """Reads the form. What is no film, or no number of stars, is left out and counted; 0 stars take a film back."""
        stars: dict[int, int] = {}
        before: tuple[int, ...] = ()
        query, left_out = "", 0
        for name, value in parameters:
            if name == "q":
                query = " ".join(value.split())[:MAX_QUERY]
            elif name == "was":
                before = tuple(int(part) for part in value.split(",")[:DEFAULT_K] if _is_id(part, n_items))
            elif name.startswith("film-"):
                film = name.removeprefix("film-")
                if not _is_id(film, n_items) or value not in {"0", "1", "2", "3", "4", "5"}:
                    left_out += 1
                elif value == "0":
                    stars.pop(int(film), None)
                elif len(stars) < MAX_PICKS or int(film) in stars:
                    stars[int(film)] = int(value)
                else:
                    left_out += 1
        return cls(stars, query, before, left_out)


def page_router(service: Service) -> APIRouter:
    """The page and the two files that it needs."""
    router = APIRouter(include_in_schema=False)
    environment = Environment(
        loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("page.html")

    @router.get("/")
    async def page(request: Request) -> Response:
        release = service.serving.champion
        asked = Asked.from_query(request.query_params.multi_items(), release.n_items)
        found = release.fold_in(
            [film - 1 for film in asked.stars], [float(stars) for stars in asked.stars.values()], DEFAULT_K
        )
        request.scope["state"].update(source=found.source, version=release.version)
        return Response(
            template.render(_shown(release, asked, found)),
            headers=HEADERS | answer_headers(release.version),
            media_type="text/html",
        )

    for name, media_type in STATIC.items():
        content = resources.files(PACKAGE).joinpath("static", name).read_bytes()
        router.add_api_route(f"/{name}", _constant(content, media_type), methods=["GET"])
    return router


def search(release: Release, query: str, n: int) -> list[int]:
    """Items whose titles hold all words of the query; titles that begin with it first, then the more popular first."""
    words = query.casefold().split()
    hits = [item for item, film in enumerate(release.catalog) if all(word in film.title.casefold() for word in words)]
    begins = query.casefold()
    hits.sort(key=lambda item: (not release.catalog[item].title.casefold().startswith(begins), -_count(release, item)))
    return hits[:n]


def _shown(release: Release, asked: Asked, found: Recommendations) -> dict[str, Any]:
    """What the template needs."""
    places = {film: place for place, film in enumerate(asked.before)}
    recommended = []
    for place, best in enumerate(found.items):
        film = best.item + 1
        moved = places[film] - place if film in places else None
        recommended.append(
            _film(release, best.item, asked)
            | {
                "because": [release.catalog[item].title for item, _ in best.because],
                "share": round(100 * float(release.popularity[best.item])),
                "change": None if not places else "new" if moved is None else moved,
            }
        )
    known = {film - 1 for film in asked.stars}
    if asked.query:
        hits = search(release, asked.query, SHOWN + 1)
    else:
        shown = {best.item for best in found.items} | known
        hits = [best.item for best in release.popular(SHOWN + len(shown)).items if best.item not in shown]
    return {
        "query": asked.query,
        "max_query": MAX_QUERY,
        "hits": [_film(release, item, asked) for item in hits[:SHOWN]],
        "more": len(hits) > SHOWN and bool(asked.query),
        "picked": [_film(release, film - 1, asked) for film in asked.stars],
        "recommended": recommended,
        "source": found.source,
        "left_out": asked.left_out,
        "was": ",".join(str(best.item + 1) for best in found.items),
        "version": release.version,
        "n_users": release.n_users,
        "n_items": release.n_items,
        "n_interactions": len(release.seen_items),
    }


def _film(release: Release, item: int, asked: Asked) -> dict[str, Any]:
    film = release.catalog[item]
    return {
        "id": item + 1,
        "title": film.title,
        "year": film.year,
        "genres": [genre for genre in film.genres if genre != "unknown"],
        "stars": asked.stars.get(item + 1, 0),
    }


def _count(release: Release, item: int) -> float:
    return float(release.popularity[item])


def _is_id(text: str, n_items: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= n_items


def _constant(content: bytes, media_type: str) -> Any:
    async def constant() -> Response:
        return Response(content, headers={"Cache-Control": "public, max-age=300"}, media_type=media_type)

    return constant
