"""What goes over the wire, with its bounds. Users and films have MovieLens's own ids there, from 1."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ultralearn.recsys.service.scoring import Recommendations, Release, Source

MAX_K = 100
MAX_CHOICES = 1000
LARGEST_ID = 2**31 - 1


def _number(value: object) -> object:
    """Numbers only: true and "4" are not what they could be taken for."""
    if isinstance(value, bool | str):
        raise ValueError("Input should be a number, without quotes")
    return value


Id = Annotated[int, Field(ge=1, le=LARGEST_ID), BeforeValidator(_number)]
Stars = Annotated[
    float, Field(ge=0.5, le=5, allow_inf_nan=False, description="stars, 0.5 to 5"), BeforeValidator(_number)
]


class Parameters(BaseModel):
    """What a question can be narrowed down by."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(default=10, ge=1, le=MAX_K, description="how many films, at most")


class RecommendParameters(Parameters):
    """The same for somebody who has seen films already."""

    exclude_seen: bool = Field(default=True, description="whether films they know are left out")


class Choice(BaseModel):
    """A film that somebody knows, and the stars they give it."""

    model_config = ConfigDict(extra="forbid")

    item: Id
    rating: Stars = 5.0


class Profile(BaseModel):
    """What somebody never seen before likes: each film once."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"items": [{"item": 50, "rating": 5}, {"item": 172, "rating": 4}], "k": 10}]},
    )

    items: list[Choice] = Field(max_length=MAX_CHOICES)
    k: Annotated[int, Field(ge=1, le=MAX_K, description="how many films, at most"), BeforeValidator(_number)] = 10

    @model_validator(mode="after")
    def _once_each(self) -> "Profile":
        items = [choice.item for choice in self.items]
        twice = sorted({item for item in items if items.count(item) > 1}) if len(set(items)) < len(items) else []
        if twice:
            raise ValueError(f"item {twice[0]} is there more than once; send each film once, with its last rating")
        return self


class Reason(BaseModel):
    """A film of theirs that speaks for the recommended one, and what part of the score is its doing."""

    item: Id
    title: str
    part: float


class RecommendedFilm(BaseModel):
    """One recommended film."""

    item: Id
    title: str
    year: int | None
    score: float
    because: list[Reason]


class RecommendResponse(BaseModel):
    """The best films first, where they come from, and under which model."""

    items: list[RecommendedFilm] = Field(max_length=MAX_K)
    source: Source
    model_version: str


class GoldenResult(BaseModel):
    """Golden queries that the release was asked before it was let in, and how many it kept: all, or it is not in."""

    queries: int
    kept: int


class ShadowModel(BaseModel):
    """The release beside the served one."""

    version: str
    share: float
    mean_overlap_at_10: float | None = Field(description="over all known users: 1 where both show the same ten films")


class ModelCard(BaseModel):
    """What is being served."""

    version: str
    model: str
    n_users: int
    n_items: int
    n_interactions: int
    hyper_parameters: dict[str, int | float]
    golden: GoldenResult
    shadow: ShadowModel | None


class Reloaded(BaseModel):
    """What became of a reload that went well."""

    status: Literal["swapped", "unchanged", "rolling"]
    version: str
    previous: str


class Health(BaseModel):
    """Alive, or ready."""

    status: Literal["ok", "ready"]


def answer_of(release: Release, found: Recommendations) -> RecommendResponse:
    """The recommendations as they go over the wire; scores to four digits, which is more than they are good for."""
    films = [
        RecommendedFilm(
            item=best.item + 1,
            title=release.catalog[best.item].title,
            year=release.catalog[best.item].year,
            score=round(best.score, 4),
            because=[
                Reason(item=item + 1, title=release.catalog[item].title, part=round(part, 4))
                for item, part in best.because
            ],
        )
        for best in found.items
    ]
    return RecommendResponse(items=films, source=found.source, model_version=release.version)
