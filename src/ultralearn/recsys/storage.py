"""A fitted model as two files in a folder, for another process to read: its arrays, and a page that describes them."""

import json
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save as write_tensors
from scipy import sparse

from ultralearn import UltralearnError, files
from ultralearn.recsys.als import ALS
from ultralearn.recsys.baselines import ItemMean, Offsets, Popularity
from ultralearn.recsys.bayesian_mf import BayesianMF
from ultralearn.recsys.biased_mf import BiasedMF
from ultralearn.recsys.ease import EASE
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.recommender import Recommender

FORMAT = 1
FILES = {"model.json", "model.safetensors"}
MODELS: dict[str, Callable[..., Recommender]] = {
    "ALS": ALS,
    "BayesianMF": BayesianMF,
    "BiasedMF": BiasedMF,
    "EASE": EASE,
    "IALS": IALS,
    "ItemMean": ItemMean,
    "Offsets": Offsets,
    "Popularity": Popularity,
}


class DamagedModelError(UltralearnError, ValueError):
    """A folder holds no model that can be loaded. The message says what was found, what was expected and what to do."""


def save(model: Recommender, folder: str | Path) -> None:
    """Writes a fitted model into the folder, whole or not at all, in place of a model that is there already.

    model.safetensors holds the arrays; model.json the class, its hyper-parameters, counts, versions, and the SHA-256 of
    the other file. Raises NotFittedError, TypeError for a class that load does not know, and FileExistsError where the
    folder holds anything but a model.
    """
    folder, name = Path(folder).absolute(), type(model).__name__
    if MODELS.get(name) is not type(model):
        raise TypeError(f"load would not know what a {name} is; expected one of {', '.join(MODELS)}")
    if folder.exists() and not (folder.is_dir() and {entry.name for entry in folder.iterdir()} <= FILES):
        raise FileExistsError(f"{folder} holds something else than a model; name a new folder")
    arrays = {"seen_starts": model.seen.indptr, "seen_items": model.seen.indices, "star_range": model.star_range}
    arrays |= {learned: getattr(model, learned) for learned in model.state}
    content = write_tensors({key: np.asarray(array, order="C") for key, array in arrays.items()})
    description = {
        "format": FORMAT,
        "model": name,
        "hyper_parameters": {key: getattr(model, key) for key in signature(type(model)).parameters},
        "n_users": model.seen.shape[0],
        "n_items": model.seen.shape[1],
        "n_interactions": model.seen.nnz,
        "sha256": sha256(content).hexdigest(),
        "versions": {package: version(package) for package in ("ultralearn", "torch", "numpy")},
    }
    text = json.dumps(description, indent=2, default=lambda number: number.item()) + "\n"

    with files.whole_folder(folder) as draft:
        (draft / "model.safetensors").write_bytes(content)
        (draft / "model.json").write_text(text, encoding="utf-8")


def load(folder: str | Path) -> Recommender:
    """The model that save wrote: it predicts and recommends exactly as it did. Raises DamagedModelError."""
    folder = Path(folder)
    try:
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        content = (folder / "model.safetensors").read_bytes()
        return _restored(description, content)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        reason = f"{error} is missing in model.json" if isinstance(error, KeyError) else error
        raise DamagedModelError(
            f"{folder} holds no model that can be loaded: {reason}. Expected model.json and model.safetensors as save "
            "wrote them: copy both anew, or fit the model and save it again."
        ) from error


def _restored(description: dict[str, Any], content: bytes) -> Recommender:
    if description["format"] != FORMAT:
        raise ValueError(f"it has format {description['format']}, and this version of ultralearn reads {FORMAT}")
    if description["model"] not in MODELS:
        raise ValueError(f"there is no model {description['model']!r}, only {', '.join(MODELS)}")
    if sha256(content).hexdigest() != description["sha256"]:
        raise ValueError("model.safetensors is not the file that model.json describes")
    model = MODELS[description["model"]](**description["hyper_parameters"])
    arrays = {name: array.copy() for name, array in read_tensors(content).items()}  # copies can be written to
    if missing := {"seen_starts", "seen_items", "star_range", *model.state} - set(arrays):
        raise ValueError(f"model.safetensors lacks {', '.join(sorted(missing))}")
    items, starts = arrays.pop("seen_items"), arrays.pop("seen_starts")
    shape = description["n_users"], description["n_items"]
    model.seen = sparse.csr_array((np.ones(len(items), dtype=bool), items, starts), shape=shape)
    model.seen.check_format()
    for name, array in arrays.items():
        setattr(model, name, array)
    return model
