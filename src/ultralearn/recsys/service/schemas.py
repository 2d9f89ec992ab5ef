"""The files of a release, by their contents: model.json, catalog.json and golden.json."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FILES = ("model.safetensors", "model.json", "catalog.json", "golden.json")


class Film(BaseModel):
    """One line of the catalog."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    year: int | None
    genres: tuple[str, ...]


class GoldenQuery(BaseModel):
    """Somebody who liked these films must be shown so many of the expected ones among the first ten.

    Films are named by MovieLens's own ids, from 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: tuple[int, ...] = Field(min_length=1)
    expected: tuple[int, ...] = Field(min_length=1)
    at_least: int = Field(ge=1)


class Catalog(BaseModel):
    """catalog.json: the films, in the order of the model's items."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    films: tuple[Film, ...]


class Golden(BaseModel):
    """golden.json: what the release promises about itself. Without a single promise it promises nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queries: tuple[GoldenQuery, ...] = Field(min_length=1)


class HyperParameters(BaseModel):
    """Those of IALS that folding in needs; training's own stay in the file."""

    model_config = ConfigDict(extra="allow", frozen=True)

    rank: int = Field(ge=1)
    alpha: float = Field(ge=0)
    reg: float = Field(gt=0)
    popularity_power: float


class Description(BaseModel):
    """model.json, as ultralearn.recsys.storage writes it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    format: Literal[1]
    model: Literal["IALS"]
    hyper_parameters: HyperParameters
    n_users: int = Field(ge=1)
    n_items: int = Field(ge=1)
    sha256: str
