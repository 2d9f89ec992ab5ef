"""A release answers as the package's model does, says why, and is refused whole where anything about it is wrong."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from tests.recsys.service.conftest import N_ITEMS, N_USERS, make_release, simulated
from ultralearn.recsys.recommender import top_k
from ultralearn.recsys.release import Promise, promised, write_release
from ultralearn.recsys.service.loading import ReleaseError, load_release
from ultralearn.recsys.service.schemas import FILES
from ultralearn.recsys.service.scoring import preference, top


@pytest.fixture(scope="module")
def release(releases):
    return load_release(releases / "one")


@pytest.fixture(scope="module")
def model():
    return simulated()[1]


def items_of(found):
    return [best.item for best in found.items]


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_it_recommends_what_the_model_recommends(release, model, exclude_seen):
    users = np.arange(N_USERS)
    expected = model.recommend(users, 10, exclude_seen)
    for user in users:
        found = release.recommend(int(user), 10, exclude_seen)
        assert found.source == "als"
        assert items_of(found) == [item for item in expected[user] if item >= 0]


def test_it_folds_in_what_the_model_folds_in(release, model):
    for items in ([3], [3, 5, 8], list(range(0, 60, 4))):
        scores = model.fold_in(np.array(items))
        found = release.fold_in(items, k=N_ITEMS)
        assert found.source == "fold_in"
        assert not set(items) & set(items_of(found))
        assert len(found.items) == N_ITEMS - len(items)
        np.testing.assert_allclose([best.score for best in found.items], scores[items_of(found)], rtol=1e-9)


def test_stars_count(release):
    loved, hated = (release.fold_in([3, 5, 8], [stars, 5, 5], N_ITEMS) for stars in (5, 1))
    assert items_of(loved) != items_of(hated)
    assert preference(np.array([0.5, 1, 2, 3, 4, 5])).tolist() == [0.125, 0.25, 0.5, 0.75, 1, 1]


def test_the_parts_of_a_score_add_up_to_it(release):
    for best in release.fold_in([3, 5], k=20).items:
        parts = [part for _, part in best.because]
        assert parts == sorted(parts, reverse=True)
        assert all(part > 0 for part in parts)
        if len(parts) == 2:  # both speak for it, so none is left out
            assert sum(parts) == pytest.approx(best.score)
    assert any(len(best.because) == 2 for best in release.fold_in([3, 5], k=20).items)


def test_only_what_was_liked_is_a_reason(release):
    reasons = {item for best in release.fold_in([3, 5, 8], [5, 3, 1], 20).items for item, _ in best.because}
    assert reasons == {3}


def test_nobody_known_gets_what_is_popular(release):
    counts = np.bincount(simulated()[0].items, minlength=N_ITEMS)
    for found in (release.recommend(N_USERS, 10), release.recommend(-1, 10), release.fold_in([], [], 10)):
        assert found.source == "popular"
        assert items_of(found) == top(counts.astype(float), 10)


def test_similar_items(release):
    found = release.similar(3, N_ITEMS)
    assert 3 not in items_of(found)
    assert len(found.items) == N_ITEMS - 1
    assert all(-1 <= best.score <= 1 + 1e-6 for best in found.items)
    assert [best.score for best in found.items] == sorted((best.score for best in found.items), reverse=True)


def test_an_item_that_nobody_chose_has_no_similar_ones(folder):
    rewrite(folder, lambda tensors: tensors["item_factors"].__setitem__(70, 0))
    assert load_release(folder).similar(70).source == "popular"


def test_items_out_of_range_are_refused(release):
    for ask in (lambda: release.similar(N_ITEMS), lambda: release.fold_in([N_ITEMS]), lambda: release.fold_in([-1])):
        with pytest.raises(ValueError, match=f"expected 0 to {N_ITEMS - 1}"):
            ask()


@given(st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=40), st.integers(1, 50))
def test_top_is_the_package_s_top_k(scores, k):
    scores = np.array(scores)
    assert top(scores, k) == [item for item in top_k(scores[None, :], k)[0].tolist() if item >= 0]


def rewrite(folder, change):
    """Changes the tensors, and the hash with them, as somebody would who trained badly."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    edit(folder, "model.json", sha256=digest(folder))


def digest(folder):
    from hashlib import sha256

    return sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def edit(folder, name, **changes):
    document = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(document | changes))


def shuffle_items(tensors):
    tensors["item_factors"] = np.random.default_rng(0).permutation(tensors["item_factors"])


DAMAGES = {
    "no folder": (lambda folder: folder.rename(folder.with_name("away")), "no folder that can be read"),
    "no model": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors cannot be read"),
    "no golden": (lambda folder: (folder / "golden.json").unlink(), "golden.json cannot be read"),
    "a byte": (lambda folder: flip(folder / "model.safetensors"), "were not written together"),
    "half": (lambda folder: cut(folder / "model.safetensors"), "were not written together"),
    "not JSON": (lambda folder: cut(folder / "catalog.json"), "Catalog cannot be read"),
    "another model": (lambda folder: edit(folder, "model.json", model="EASE"), "model: Input should be 'IALS'"),
    "another format": (lambda folder: edit(folder, "model.json", format=2), "format: Input should be 1"),
    "no promises": (lambda folder: edit(folder, "golden.json", queries=[]), "queries: Tuple should have at least 1"),
    "a film more": (
        lambda folder: edit(folder, "catalog.json", films=[{"title": "x", "year": None, "genres": []}]),
        f"1 films, the model {N_ITEMS} items",
    ),
    "NaN": (lambda folder: rewrite(folder, lambda t: t["item_factors"].__setitem__(0, np.nan)), "NaN or infinity"),
    "all the same": (lambda folder: rewrite(folder, lambda t: t["user_factors"].fill(1)), "the same of everybody"),
    "no tensor": (lambda folder: rewrite(folder, lambda t: t.pop("seen_items")), "holds no seen_items"),
    "float64": (
        lambda folder: rewrite(folder, lambda t: t.update(user_factors=t["user_factors"].astype(float))),
        "expected float32",
    ),
    "other shape": (
        lambda folder: rewrite(folder, lambda t: t.update(user_factors=t["user_factors"][:-1].copy())),
        "have shape",
    ),
    "wrong cuts": (lambda folder: rewrite(folder, lambda t: t["seen_starts"].__setitem__(0, 1)), "do not cut"),
    "seen what is not": (
        lambda folder: rewrite(folder, lambda t: t["seen_items"].__setitem__(0, N_ITEMS)),
        "not items of the model",
    ),
    "promises of what is not": (
        lambda folder: edit(folder, "golden.json", queries=[{"items": [0], "expected": [1], "at_least": 1}]),
        f"expected films from 1 to {N_ITEMS}",
    ),
    "too much promised": (
        lambda folder: edit(folder, "golden.json", queries=[{"items": [1], "expected": [2], "at_least": 2}]),
        "no more than are named",
    ),
    "items mixed up": (lambda folder: rewrite(folder, shuffle_items), "fails its golden queries"),
}


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_with_a_release_is_said(folder, damage):
    do, complaint = DAMAGES[damage]
    do(folder)
    with pytest.raises(ReleaseError, match=complaint):
        load_release(folder)


@pytest.mark.parametrize("name", FILES)
def test_the_version_changes_with_any_file(folder, name):
    before = load_release(folder).version
    assert len(before) == 12
    if name == "model.safetensors":
        rewrite(folder, lambda tensors: tensors["user_factors"].__setitem__((0, 0), 0.123))
    else:
        (folder / name).write_text((folder / name).read_text() + " ")
    assert load_release(folder).version != before


def test_a_release_that_breaks_its_promises_is_not_written(tmp_path):
    ratings, model = simulated()
    before = make_release(tmp_path / "release")
    seen_by_nobody = [item for item in range(N_ITEMS) if item not in set(before.seen_items.tolist())]
    impossible = seen_by_nobody or top(-before.popularity, 1)
    with pytest.raises(ReleaseError, match="were promised"):
        write_release(model, ratings, tmp_path / "release", [([3, 5, 8], impossible[:1], 1)])
    assert load_release(tmp_path / "release").version == before.version
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_promises_are_made_by_title():
    ratings, _ = simulated()
    assert promised(ratings, [Promise(("Film 3",), ("Film 5", "Film 8"), 1)]) == [([3], [5, 8], 1)]
    with pytest.raises(ValueError, match="0 films are called 'No such film'"):
        promised(ratings, [Promise(("No such film",), ("Film 5",), 1)])


@pytest.mark.parametrize("moved", [0, 1], ids=["moving the old one away", "moving the new one in"])
def test_a_release_that_is_served_outlives_one_that_cannot_take_its_place(tmp_path, monkeypatch, moved):
    before = make_release(tmp_path / "release")
    genuine, calls = os.rename, iter(range(100))

    def fails(source, target):
        # The model is saved into the draft in the same way: its own two renames come first.
        if next(calls) == 2 + moved:
            raise OSError("device is busy")
        genuine(source, target)

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(OSError, match="device is busy"):
        make_release(tmp_path / "release")
    monkeypatch.undo()
    assert load_release(tmp_path / "release").version == before.version
    assert [path.name for path in tmp_path.iterdir()] == ["release"]
