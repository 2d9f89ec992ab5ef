"""Makes a release: a folder that the service serves. `python -m ultralearn.recsys.release FOLDER`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ultralearn import files
from ultralearn.recsys import storage
from ultralearn.recsys.data import Ratings, load_movielens
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.service.loading import ReleaseError, load_release
from ultralearn.recsys.service.scoring import Release


class Promise(NamedTuple):
    """A golden query by titles: who liked these must be shown so many of those among the first ten."""

    liked: tuple[str, ...]
    expected: tuple[str, ...]
    at_least: int


STAR_TREK = (
    "Star Trek: First Contact",
    "Star Trek III: The Search for Spock",
    "Star Trek IV: The Voyage Home",
    "Star Trek VI: The Undiscovered Country",
)
# Chosen by hand: sequels, and films by the same people. Whatever has learned who watches what finds them; what shows
# everybody what is popular keeps none of these but by chance.
PROMISES = (
    Promise(("Alien", "Blade Runner"), ("Aliens", "The Terminator", "Terminator 2: Judgment Day"), 2),
    Promise(("Star Trek: The Wrath of Khan", "Star Trek: Generations"), STAR_TREK, 2),
    Promise(("Psycho", "Vertigo", "Citizen Kane"), ("Rear Window", "North by Northwest", "Casablanca"), 2),
    Promise(("Aladdin", "The Lion King"), ("Beauty and the Beast", "Cinderella", "Fantasia"), 2),
    Promise(("The Wrong Trousers",), ("A Close Shave", "A Grand Day Out"), 2),
)


def write_release(
    model: IALS, ratings: Ratings, folder: str | Path, golden: Sequence[tuple[Sequence[int], Sequence[int], int]]
) -> Release:
    """Writes a release whole or not at all, and returns it as the service reads it.

    model: fitted on ratings, whose titles, years and genres become the catalog. golden: the liked items, the expected
    ones, and how many of these must be among the first ten; all counted from 0. Raises ReleaseError, and leaves what
    was in the folder, where the model does not keep a promise.
    """
    films = [
        {"title": title, "year": int(year) or None, "genres": list(genres)}
        for title, year, genres in zip(ratings.titles, ratings.years, ratings.genres, strict=True)
    ]
    queries = [
        {"items": [int(item) + 1 for item in liked], "expected": [int(item) + 1 for item in expected], "at_least": n}
        for liked, expected, n in golden
    ]
    with files.whole_folder(folder) as draft:
        storage.save(model, draft)
        (draft / "catalog.json").write_text(json.dumps({"films": films}, ensure_ascii=False) + "\n", encoding="utf-8")
        (draft / "golden.json").write_text(json.dumps({"queries": queries}, indent=1) + "\n", encoding="utf-8")
        return load_release(draft)


def promised(ratings: Ratings, promises: Sequence[Promise] = PROMISES) -> list[tuple[list[int], list[int], int]]:
    """The promises by items, counted from 0. Raises ValueError for a title that is not in the catalog, or twice."""
    places: dict[str, list[int]] = {}
    for item, title in enumerate(ratings.titles):
        places.setdefault(title, []).append(item)

    def item_of(title: str) -> int:
        if len(places.get(title, ())) != 1:
            raise ValueError(f"{len(places.get(title, ()))} films are called {title!r}; a promise needs exactly one")
        return places[title][0]

    return [
        ([item_of(title) for title in promise.liked], [item_of(title) for title in promise.expected], promise.at_least)
        for promise in promises
    ]


def main() -> None:
    """Trains on all of MovieLens 100K and writes the release."""
    parser = argparse.ArgumentParser(prog="python -m ultralearn.recsys.release", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="where the release goes; one that is there is replaced whole")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another model (default 0)")
    arguments = parser.parse_args()
    ratings = load_movielens()
    model = IALS(seed=arguments.seed).fit(ratings)
    try:
        release = write_release(model, ratings, arguments.folder, promised(ratings))
    except ReleaseError as error:
        raise SystemExit(f"Not released: {error}") from error
    print(
        f"Release {release.version} in {arguments.folder}: {release.n_users} people, {release.n_items} films,"
        f" {len(release.golden)} golden queries kept."
    )


if __name__ == "__main__":
    main()
