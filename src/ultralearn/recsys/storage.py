"""A fitted model as two files that another process, or another year, can read."""

import json
import os
import shutil
import tempfile
from dataclasses import fields
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as tensors_from
from safetensors.numpy import save as tensors_to
from scipy import sparse

from ultralearn.recsys.als import ALS
from ultralearn.recsys.baselines import ItemMean, Offsets, Popularity
from ultralearn.recsys.bayesian_mf import BayesianMF
from ultralearn.recsys.biased_mf import BiasedMF
from ultralearn.recsys.ease import EASE
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.recommender import Recommender

FORMAT = 1
MODELS: dict[str, Any] = {
    model.__name__: model for model in (ALS, BayesianMF, BiasedMF, EASE, IALS, ItemMean, Offsets, Popularity)
}


class DamagedModel(ValueError):
    """A folder does not hold a model that can be loaded. The message says what was found and what to do."""


def save(model: Recommender, folder: str | Path) -> None:
    """Writes model.safetensors and model.json into the folder, whole or not at all."""
    folder = Path(folder)
    tensors = {name: np.ascontiguousarray(getattr(model, name)) for name in model.state}
    tensors |= {"seen_starts": model.seen.indptr, "seen_items": model.seen.indices, "star_range": model.star_range}
    content = tensors_to(tensors)
    description = {
        "format": FORMAT,
        "model": type(model).__name__,
        "hyper_parameters": {field.name: getattr(model, field.name) for field in fields(model)},  # type: ignore[arg-type]
        "n_users": model.seen.shape[0],
        "n_items": model.seen.shape[1],
        "n_interactions": int(model.seen.nnz),
        "sha256": sha256(content).hexdigest(),
        "versions": {name: version(name) for name in ("ultralearn", "torch", "numpy")},
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
        new = Path(beside) / "new"
        new.mkdir()
        (new / "model.safetensors").write_bytes(content)
        (new / "model.json").write_text(json.dumps(description, indent=2) + "\n")
        if folder.exists():
            shutil.move(folder, Path(beside) / "old")
        os.replace(new, folder)


def load(folder: str | Path) -> Any:
    """The model that save wrote; it recommends exactly the same. Raises DamagedModel."""
    folder = Path(folder)
    try:
        description = json.loads((folder / "model.json").read_text())
        content = (folder / "model.safetensors").read_bytes()
    except (OSError, ValueError) as error:
        raise DamagedModel(f"{folder} holds no model that can be read: {error}") from error
    if sha256(content).hexdigest() != description["sha256"]:
        raise DamagedModel(f"{folder / 'model.safetensors'} is not the file that was saved with model.json")
    tensors = tensors_from(content)
    model = MODELS[description["model"]](**description["hyper_parameters"])
    starts, items = tensors.pop("seen_starts"), tensors.pop("seen_items")
    shape = description["n_users"], description["n_items"]
    model.seen = sparse.csr_array((np.ones(len(items), dtype=bool), items, starts), shape=shape)
    for name, tensor in tensors.items():
        setattr(model, name, tensor)
    return model
