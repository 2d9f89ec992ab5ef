"""ml-100k: what is downloaded, refused, cached and said. No test asks a network."""

import hashlib
import io
import subprocess
import urllib.error
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ultralearn.recsys import data

# Three people, three films; the rows are unsorted, as GroupLens's are.
ROWS = ["2\t1\t5\t300", "1\t3\t4\t200", "1\t1\t3\t100", "3\t2\t1\t50"]
CANONICAL = "1\t1\t3\t100\n1\t3\t4\t200\n2\t1\t5\t300\n3\t2\t1\t50\n"


def flags(*names: str) -> str:
    return "|".join(str(int(genre in names)) for genre in data.GENRES)


GROUPLENS_ITEMS = [
    f"1|Net, The (1995)|01-Jan-1995||http://x|{flags('Thriller', 'Sci-Fi')}",
    f"2|unknown||||{flags('unknown')}",
    f"3|Land Before Time III (1995) (V)|01-Jan-1995||http://x|{flags('Animation')}",
]
WHEEL_ITEMS = [
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
    "1\tNet, The\t1995\tThriller Sci-Fi",
    "2\tunkonwn\tunkonwn\tunknown",
    "3\tLand Before Time III (1995)\tV\tAnimation",
]


def grouplens_zip(rows=ROWS) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ml-100k/u.data", "\n".join(rows) + "\n")
        archive.writestr("ml-100k/u.item", "\n".join(GROUPLENS_ITEMS).encode("latin-1"))
    return content.getvalue()


class Download(io.BytesIO):
    """What urlopen returns."""

    def __init__(self, content: bytes):
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content))}


class World:
    """The two sources, faked: each gives what it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.grouplens: bytes | Exception = urllib.error.URLError("no route to host")
        self.wheel_rows: list[str] | None = None
        self.pip_error = "ERROR: No matching distribution found"
        self.asked: list[str] = []

    def urlopen(self, url, timeout):
        self.asked.append("grouplens")
        assert url == data.GROUPLENS
        assert timeout <= 10
        if isinstance(self.grouplens, Exception):
            raise self.grouplens
        return Download(self.grouplens)

    def run(self, command, **settings):
        self.asked.append("wheel")
        assert command[1:4] == ["-m", "pip", "download"]
        assert "--no-deps" in command
        assert command[-1] == "recbole==1.2.1"
        if self.wheel_rows is None:
            return subprocess.CompletedProcess(command, 1, "", f"Looking in indexes\n{self.pip_error}\n")
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "recbole-1.2.1-py3-none-any.whl", "w") as wheel:
            header = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
            wheel.writestr(f"{data.FOLDER_IN_WHEEL}/ml-100k.inter", "\n".join([header, *self.wheel_rows]) + "\n")
            wheel.writestr(f"{data.FOLDER_IN_WHEEL}/ml-100k.item", "\n".join(WHEEL_ITEMS) + "\n")
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def world(monkeypatch, tmp_path) -> World:
    world = World()
    monkeypatch.setattr(data.urllib.request, "urlopen", world.urlopen)
    monkeypatch.setattr(data.subprocess, "run", world.run)
    monkeypatch.setattr(data, "SHA256", hashlib.sha256(CANONICAL.encode()).hexdigest())
    monkeypatch.setenv("ULTRALEARN_CACHE", str(tmp_path / "cache"))
    return world


def cache(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def same(a: data.Ratings, b: data.Ratings) -> bool:
    arrays = ("users", "items", "ratings", "timestamps", "years")
    equal = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays)
    return equal and (a.titles, a.genres, a.n_users) == (b.titles, b.genres, b.n_users)


def test_grouplens_first_terms_printed_once_then_from_the_cache(world, tmp_path, capsys):
    world.grouplens = grouplens_zip()
    first = data.load_movielens()
    assert "Harper and Joseph A. Konstan" in capsys.readouterr().out
    assert cache(tmp_path) == ["ml-100k.npz"]
    assert same(data.load_movielens(), first)
    assert capsys.readouterr().out == ""
    assert world.asked == ["grouplens"]


def test_rows_are_sorted_ids_count_from_zero_and_items_are_described(world):
    world.grouplens = grouplens_zip()
    ratings = data.load_movielens()
    assert ratings.users.tolist() == [0, 0, 1, 2]
    assert ratings.items.tolist() == [0, 2, 0, 1]
    assert ratings.ratings.tolist() == [3.0, 4.0, 5.0, 1.0]
    assert ratings.timestamps.tolist() == [100, 200, 300, 50]
    assert (len(ratings), ratings.n_users, ratings.n_items) == (4, 3, 3)
    assert ratings.titles == ("The Net", "unknown", "Land Before Time III")
    assert ratings.years.tolist() == [1995, 0, 1995]
    assert ratings.genres == (("Sci-Fi", "Thriller"), ("unknown",), ("Animation",))


def test_both_sources_give_the_same(world, tmp_path, monkeypatch):
    world.grouplens = grouplens_zip()
    original = data.load_movielens()
    world.grouplens = TimeoutError("timed out")
    world.wheel_rows = ROWS
    monkeypatch.setenv("ULTRALEARN_CACHE", str(tmp_path / "other"))
    assert same(data.load_movielens(), original)


def test_offline_the_wheel_is_taken_and_said(world, capsys):
    world.wheel_rows = list(reversed(ROWS))
    assert len(data.load_movielens()) == 4
    assert world.asked == ["grouplens", "wheel"]
    assert "came from recbole==1.2.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "rows",
    [
        [ROWS[0].replace("5", "4"), *ROWS[1:]],  # one rating changed
        ROWS[:-1],  # cut off
        [*ROWS, "3\t3\t3\t3"],  # one too many
        [row.replace("300", "301") for row in ROWS],  # one timestamp
    ],
)
def test_a_wrong_copy_is_refused_and_never_kept(world, tmp_path, rows):
    world.grouplens = grouplens_zip(rows)
    world.wheel_rows = rows
    with pytest.raises(data.DataUnavailableError, match="SHA-256"):
        data.load_movielens()
    assert cache(tmp_path) == []


def test_a_damaged_archive_leads_to_the_other_source(world):
    world.grouplens = grouplens_zip()[:-40]
    world.wheel_rows = ROWS
    assert len(data.load_movielens()) == 4


def test_the_error_says_what_was_tried_expected_and_to_do(world):
    with pytest.raises(data.DataUnavailableError) as caught:
        data.load_movielens()
    message = str(caught.value)
    for part in [data.GROUPLENS, "no route to host", data.WHEEL, world.pip_error, data.SHA256, "What to do:"]:
        assert part in message


def test_pip_that_hangs_is_an_error_like_any_other(world, monkeypatch):
    def hang(command, timeout, **settings):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(data.subprocess, "run", hang)
    with pytest.raises(data.DataUnavailableError, match="timed out after"):
        data.load_movielens()


@pytest.mark.parametrize("damage", [b"", b"not a zip file", None])
def test_a_damaged_cache_is_replaced(world, tmp_path, damage):
    world.grouplens = grouplens_zip()
    first = data.load_movielens()
    path = tmp_path / "cache" / "ml-100k.npz"
    path.write_bytes(path.read_bytes()[:-30] if damage is None else damage)
    assert same(data.load_movielens(), first)
    assert world.asked == ["grouplens", "grouplens"]


def test_a_tampered_cache_is_refused_and_named_where_nothing_else_helps(world, tmp_path):
    world.grouplens = grouplens_zip()
    data.load_movielens()
    path = tmp_path / "cache" / "ml-100k.npz"
    rows, items = data._read_cache(path.read_bytes())
    rows[0, 2] = 1
    data._write_cache(path, rows, items)
    world.grouplens = urllib.error.URLError("down")
    with pytest.raises(data.DataUnavailableError, match=r"cached copy in .* is damaged"):
        data.load_movielens()


def test_a_write_that_fails_leaves_the_cache_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "ml-100k.npz"
    path.write_bytes(b"as it was")

    def full(*args, **arrays):
        raise OSError("no space left on device")

    monkeypatch.setattr(data.np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space left"):
        data._write_cache(path, np.zeros((1, 4), dtype=np.int64), ["x\t0\tunknown"])
    assert path.read_bytes() == b"as it was"
    assert [entry.name for entry in tmp_path.iterdir()] == ["ml-100k.npz"]


def test_a_cache_that_cannot_be_written_does_not_keep_the_ratings_from_you(world, tmp_path, capsys):
    world.grouplens = grouplens_zip()
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert len(data.load_movielens()) == 4
    assert "could not be kept" in capsys.readouterr().out


def test_missing_titles_are_an_error(world):
    rows = np.array([[1, 1, 3, 100], [1, 3, 4, 200], [2, 1, 5, 300], [3, 2, 1, 50]])
    with pytest.raises(ValueError, match="2 film titles, not 3"):
        data._checked(rows, ["a\t0\tunknown", "b\t0\tunknown"])


def test_without_an_override_the_cache_is_where_platformdirs_says(world, tmp_path, monkeypatch):
    monkeypatch.delenv("ULTRALEARN_CACHE")
    monkeypatch.setattr(data.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "users" / name))
    world.grouplens = grouplens_zip()
    data.load_movielens()
    assert (tmp_path / "users" / "ultralearn" / "ml-100k.npz").exists()


def test_take_keeps_people_and_films(world):
    world.grouplens = grouplens_zip()
    part = data.load_movielens().take(np.array([3, 0]))
    assert part.users.tolist() == [2, 0]
    assert part.ratings.tolist() == [1.0, 3.0]
    assert (len(part), part.n_users, part.n_items) == (2, 3, 3)


def test_the_sparse_table_holds_each_rating_in_its_cell():
    ratings = data.simulate(6, 5, 12, seed=2).ratings
    table = ratings.matrix()
    assert table.shape == (6, 5)
    assert table.dtype == np.float64
    assert table.toarray()[ratings.users, ratings.items].tolist() == ratings.ratings.tolist()
    assert table.nnz == 12
    assert ratings.take(np.array([3, 3])).matrix().data.tolist() == [2 * ratings.ratings[3]]


@pytest.mark.parametrize(("n", "k"), [(10, 5), (13, 5), (7, 7), (100, 3)])
def test_folds_test_each_row_once_and_never_train_on_it(n, k):
    pairs = data.folds(n, k, seed=3)
    assert len(pairs) == k
    assert np.sort(np.concatenate([test for _, test in pairs])).tolist() == list(range(n))
    for train, test in pairs:
        assert np.sort(np.concatenate([train, test])).tolist() == list(range(n))
        assert len(test) in (n // k, n // k + 1)


def test_folds_are_seeded():
    same, again, other = data.folds(50, 5, 1), data.folds(50, 5, 1), data.folds(50, 5, 2)
    assert same[0][1].tolist() == again[0][1].tolist() != other[0][1].tolist()


@pytest.mark.parametrize(("n", "k"), [(10, 1), (3, 4), (0, 2)])
def test_folds_that_cannot_be_are_refused(n, k):
    with pytest.raises(ValueError, match="needs 2 <= k"):
        data.folds(n, k)


def test_simulated_ratings_are_low_rank_plus_noise():
    exact = data.simulate(40, 30, 500, rank=3, noise=0.0, seed=1)
    ratings = exact.ratings
    u, v = exact.user_factors[ratings.users], exact.item_factors[ratings.items]
    np.testing.assert_allclose(ratings.ratings, exact.mean + np.sum(u * v, axis=1))
    noisy = data.simulate(40, 30, 500, rank=3, noise=0.5, seed=1)
    assert 0.4 < np.std(noisy.ratings.ratings - ratings.ratings) < 0.6


def test_simulated_popularity_has_a_head_and_a_long_tail_and_no_pair_twice():
    ratings = data.simulate(200, 100, 3000, seed=0).ratings
    counts = np.bincount(ratings.items, minlength=100)
    assert counts[:10].mean() > 5 * counts[-50:].mean()
    assert len(set(zip(ratings.users.tolist(), ratings.items.tolist(), strict=True))) == 3000
    assert (ratings.n_users, ratings.n_items) == (200, 100)


def test_simulation_is_seeded_and_refuses_too_many_ratings():
    a, b, c = (data.simulate(20, 10, 60, seed=seed).ratings.ratings for seed in (0, 0, 1))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    with pytest.raises(ValueError, match="201 ratings do not fit into 20 x 10"):
        data.simulate(20, 10, 201)


def test_the_hash_is_the_one_the_book_was_written_with():
    assert data.SHA256 == "6cfffb52c89b05fbc3afb75f6912eeda04c81c2add0dc58e773a0ef6c8adb160"
