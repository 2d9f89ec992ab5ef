"""Load a release from its folder whole or not at all: what does not fit together is refused."""

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as tensors_from

from ultralearn import UltralearnError
from ultralearn.recsys.service.schemas import FILES, Catalog, Description, Golden
from ultralearn.recsys.service.scoring import Release

TENSORS = {
    "user_factors": (np.float32, 2),
    "item_factors": (np.float32, 2),
    "seen_starts": (np.integer, 1),
    "seen_items": (np.integer, 1),
}


class ReleaseError(UltralearnError, ValueError):
    """A folder does not hold a release that can be served. The message says what was found and what to do."""


def load_release(folder: str | Path) -> Release:
    """The release in this folder, checked through and through, its golden queries answered. Raises ReleaseError."""
    folder = Path(folder)
    contents = _read(folder)
    try:
        description = Description.model_validate_json(contents["model.json"])
        catalog = Catalog.model_validate_json(contents["catalog.json"])
        golden = Golden.model_validate_json(contents["golden.json"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ReleaseError(
            f"{folder}: {error.title} cannot be read: {where}: {first['msg']}. Make the release anew with"
            " `python -m ultralearn.recsys.release FOLDER`"
        ) from error
    found = sha256(contents["model.safetensors"]).hexdigest()
    if found != description.sha256:
        raise ReleaseError(
            f"{folder}: model.safetensors has SHA-256 {found[:12]}..., model.json says {description.sha256[:12]}...:"
            " they were not written together, or one is damaged"
        )
    try:
        tensors = tensors_from(contents["model.safetensors"])
    except (SafetensorError, ValueError) as error:
        raise ReleaseError(f"{folder}: model.safetensors cannot be read: {error}") from error
    _check_tensors(folder, tensors, description, catalog)
    _check_golden(folder, golden, description.n_items)
    release = Release(
        version=version_of(contents),
        description=description,
        catalog=catalog.films,
        golden=golden.queries,
        user_factors=tensors["user_factors"],
        item_factors=tensors["item_factors"],
        seen_starts=tensors["seen_starts"].astype(np.int64),
        seen_items=tensors["seen_items"].astype(np.int64),
    )
    if broken := release.broken_promises():
        raise ReleaseError(f"{folder}: version {release.version} fails its golden queries: {'; '.join(broken)}")
    return release


def version_of(contents: Mapping[str, bytes]) -> str:
    """12 hex digits that change with any byte of any file."""
    digest = sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()[:12]


def _read(folder: Path) -> dict[str, bytes]:
    """The files, all from one folder, even while another is being moved into its place."""
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ReleaseError(
            f"{folder} is no folder that can be read ({error.strerror}). Make a release with"
            " `python -m ultralearn.recsys.release FOLDER`, and name its folder"
        ) from error
    try:
        contents = {}
        for name in FILES:
            with open(name, "rb", opener=lambda path, flags: os.open(path, flags, dir_fd=directory)) as file:
                contents[name] = file.read()
        return contents
    except OSError as error:
        raise ReleaseError(
            f"{folder} holds no whole release: {error.filename} cannot be read ({error.strerror}); expected"
            f" {', '.join(FILES)}"
        ) from error
    finally:
        os.close(directory)


def _check_tensors(folder: Path, tensors: Mapping[str, Any], description: Description, catalog: Catalog) -> None:
    """Raises ReleaseError unless the tensors fit each other, the description and the catalog."""

    def require(holds: bool, complaint: str) -> None:
        if not holds:
            raise ReleaseError(f"{folder}: {complaint}")

    for name, (kind, dimensions) in TENSORS.items():
        require(name in tensors, f"model.safetensors holds no {name}")
        tensor = tensors[name]
        require(
            np.issubdtype(tensor.dtype, kind) and tensor.ndim == dimensions,
            f"{name} is {tensor.dtype} of shape {tensor.shape}; expected {kind.__name__}, {dimensions} dimension(s)",
        )
    rank = description.hyper_parameters.rank
    users, items = tensors["user_factors"], tensors["item_factors"]
    starts, seen = tensors["seen_starts"], tensors["seen_items"]
    for name, factors, rows in (("user", users, description.n_users), ("item", items, description.n_items)):
        require(
            factors.shape == (rows, rank),
            f"{name}_factors have shape {factors.shape}; model.json says {(rows, rank)}",
        )
        require(bool(np.isfinite(factors).all()), f"{name}_factors hold NaN or infinity")
    require(bool(items.any()) and len(np.unique(users, axis=0)) > 1, "the factors say the same of everybody")
    require(
        len(starts) == description.n_users + 1
        and len(seen) > 0
        and starts[0] == 0
        and starts[-1] == len(seen)
        and bool((np.diff(starts) >= 0).all()),
        f"seen_starts do not cut {len(seen)} seen items into those of {description.n_users} people",
    )
    require(bool(seen.min() >= 0 and seen.max() < description.n_items), "seen_items are not items of the model")
    require(
        len(catalog.films) == description.n_items,
        f"catalog.json has {len(catalog.films)} films, the model {description.n_items} items",
    )


def _check_golden(folder: Path, golden: Golden, n_items: int) -> None:
    """Raises ReleaseError where a golden query names what is not there."""
    for query in golden.queries:
        unknown = [item for item in (*query.items, *query.expected) if not 1 <= item <= n_items]
        if unknown or len(set(query.items)) < len(query.items) or query.at_least > len(set(query.expected)):
            raise ReleaseError(
                f"{folder}: golden.json asks for {query.at_least} of {list(query.expected)} after"
                f" {list(query.items)}; expected films from 1 to {n_items}, each once, and no more than are named"
            )
