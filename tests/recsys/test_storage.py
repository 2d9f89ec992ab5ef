"""Saved models: the same again in another process, whole or not at all, and damage is named."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest

from tests.recsys.test_recommender import MODELS, SIMULATED
from ultralearn.recsys import storage
from ultralearn.recsys.als import ALS
from ultralearn.recsys.baselines import Popularity
from ultralearn.recsys.bayesian_mf import BayesianMF
from ultralearn.recsys.data import simulate
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.recommender import NotFittedError
from ultralearn.recsys.storage import DamagedModelError, load, save

PEOPLE = np.arange(50)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_loaded_model_does_exactly_the_same(model, tmp_path):
    model = replace(model).fit(SIMULATED)
    save(model, tmp_path / "new" / "model")
    again = load(tmp_path / "new" / "model")
    assert type(again) is type(model)
    assert all(getattr(again, field.name) == getattr(model, field.name) for field in fields(model))
    assert np.array_equal(again.recommend(PEOPLE, 12), model.recommend(PEOPLE, 12))
    assert np.array_equal(again.scores(PEOPLE), model.scores(PEOPLE))
    pairs = np.arange(40), np.arange(40)
    assert np.array_equal(again.predict(*pairs), model.predict(*pairs))
    chosen = np.array([1, 5]), np.array([2.0, 4.0])
    assert np.array_equal(again.fold_in(*chosen), model.fold_in(*chosen))
    assert again.fit(SIMULATED).recommend(PEOPLE, 3).tolist() == model.recommend(PEOPLE, 3).tolist()


def test_uncertainty_is_saved_too(tmp_path):
    model = BayesianMF(rank=2, sweeps=6, burn_in=2).fit(SIMULATED)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again, BayesianMF)
    pairs = np.arange(40), np.arange(40)[::-1]
    assert np.array_equal(again.uncertainty(*pairs), model.uncertainty(*pairs))


def test_another_process_recommends_the_same(tmp_path):
    model = IALS(rank=4).fit(SIMULATED)
    save(model, tmp_path / "model")
    code = (
        "from ultralearn.recsys.storage import load; "
        f"print(load({str(tmp_path / 'model')!r}).recommend([3, 9], 5).tolist())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == model.recommend(np.array([3, 9]), 5).tolist()
    assert answer.stderr == ""


def test_the_page_says_what_it_is(tmp_path):
    save(IALS(rank=int(np.int64(4)), alpha=np.float32(2.5)).fit(SIMULATED), tmp_path / "model")
    page = json.loads((tmp_path / "model" / "model.json").read_text())
    assert page["model"] == "IALS"
    assert page["hyper_parameters"]["alpha"] == 2.5
    assert (page["n_users"], page["n_items"], page["n_interactions"], page["format"]) == (50, 40, 600, 1)
    assert set(page["versions"]) == {"ultralearn", "torch", "numpy"}


def test_a_model_takes_the_place_of_another_and_nothing_else_is_left(tmp_path):
    folder = tmp_path / "model"
    for model in (ALS(rank=2), Popularity(), ALS(rank=3)):
        save(model.fit(SIMULATED), folder)
        assert type(load(folder)) is type(model)
        assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    assert load(folder).rank == 3
    (tmp_path / "empty").mkdir()
    save(model, tmp_path / "empty")
    assert load(tmp_path / "empty").rank == 3


@pytest.mark.parametrize("moment", ["writing", "moving"])
def test_what_fails_in_the_middle_leaves_what_was_there(tmp_path, monkeypatch, moment):
    folder = tmp_path / "model"
    save(Popularity().fit(SIMULATED), folder)

    def fail(self, *args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(*{"writing": (Path, "write_text"), "moving": (os, "rename")}[moment], fail)
    with pytest.raises(OSError, match="no space left"):
        save(ALS(rank=2).fit(SIMULATED), folder)
    with pytest.raises(OSError, match="no space left"):
        save(ALS(rank=2).fit(SIMULATED), tmp_path / "other")
    monkeypatch.undo()
    assert isinstance(load(folder), Popularity)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_what_cannot_be_saved_is_said(tmp_path):
    with pytest.raises(NotFittedError, match="ALS is not fitted yet"):
        save(ALS(), tmp_path / "model")

    @dataclass
    class Mine(Popularity):
        pass

    with pytest.raises(TypeError, match="what a Mine is; expected one of ALS, BayesianMF"):
        save(Mine().fit(SIMULATED), tmp_path / "model")
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="something else than a model"):
        save(Popularity().fit(SIMULATED), tmp_path)
    with pytest.raises(FileExistsError, match="something else than a model"):
        save(Popularity().fit(SIMULATED), tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert len(list(tmp_path.iterdir())) == 1


def without(key: str):
    def damage(folder: Path) -> None:
        page = json.loads((folder / "model.json").read_text())
        del page[key]
        (folder / "model.json").write_text(json.dumps(page))

    return damage


def changed(**entries):
    def damage(folder: Path) -> None:
        page = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(page | entries))

    return damage


def arrays(**changes):
    """Other arrays, with a page that vouches for them."""

    def damage(folder: Path) -> None:
        file = folder / "model.safetensors"
        held = storage.read_tensors(file.read_bytes()) | changes
        file.write_bytes(storage.write_tensors({name: array for name, array in held.items() if array is not None}))
        changed(sha256=storage.sha256(file.read_bytes()).hexdigest())(folder)

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.json").unlink(), "No such file.*model.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "No such file.*model.safetensors"),
        (lambda folder: (folder / "model.json").write_text('{"format": 1,'), "Expecting"),
        (lambda folder: (folder / "model.json").write_bytes(b"\xff\xfe"), "decode"),
        (lambda folder: (folder / "model.json").write_text("[]"), "list indices"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"cut"), "not the file that model.json describes"),
        (changed(format=2), "format 2, and this version of ultralearn reads 1"),
        (changed(model="Oracle"), "no model 'Oracle', only ALS"),
        (changed(hyper_parameters={"width": 3}), "unexpected keyword argument 'width'"),
        (changed(n_items=3), "holds no model that can be loaded"),
        (changed(n_users=3), "holds no model that can be loaded"),
        (without("sha256"), "'sha256' is missing in model.json"),
        (without("n_users"), "'n_users' is missing in model.json"),
        (arrays(user_factors=None), "lacks user_factors"),
        (arrays(seen_items=None, star_range=None), "lacks seen_items, star_range"),
    ],
)
def test_damage_is_named_with_what_to_do(tmp_path, damage, message):
    folder = tmp_path / "model"
    save(ALS(rank=2).fit(SIMULATED), folder)
    damage(folder)
    with pytest.raises(DamagedModelError, match=message) as caught:
        load(folder)
    assert str(folder) in str(caught.value)
    assert "copy both anew, or fit the model and save it again" in str(caught.value)


def test_a_file_that_is_no_safetensors_is_damage(tmp_path):
    folder = tmp_path / "model"
    save(Popularity().fit(simulate(5, 5, 10).ratings), folder)
    (folder / "model.safetensors").write_bytes(b"not tensors")
    changed(sha256=storage.sha256(b"not tensors").hexdigest())(folder)
    with pytest.raises(DamagedModelError, match="holds no model"):
        load(folder)
