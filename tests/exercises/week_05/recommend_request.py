from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictFloat, StrictInt, create_model, model_validator


def request_from_annotated_types(n_items, max_k):
    def once(choices):
        seen = set()
        for choice in choices:
            if choice.item in seen:
                raise ValueError(f"film {choice.item} twice")
            seen.add(choice.item)
        return choices

    closed = ConfigDict(extra="forbid")
    film = Annotated[StrictInt, Field(gt=0, lt=n_items + 1)]
    stars = Annotated[StrictFloat | StrictInt, Field(ge=0.5, le=5)]
    choice = create_model("Choice", __config__=closed, item=(film, ...), rating=(stars, 5.0))
    choices = Annotated[list[choice], Field(max_length=1000), AfterValidator(once)]
    k = Annotated[StrictInt, Field(gt=0, lt=max_k + 1)]
    return create_model("Recommend", __config__=closed, items=(choices, ...), k=(k, 10))


Stars = Annotated[float, Field(ge=0.5, le=5)]


def lax_numbers(n_items, max_k):
    class Film(BaseModel, extra="forbid"):
        item: Annotated[int, Field(ge=1, le=n_items)]
        rating: Annotated[float, Field(ge=0.5, le=5)] = 5.0

    class Wish(BaseModel, extra="forbid"):
        items: Annotated[list[Film], Field(max_length=1000)]
        k: Annotated[int, Field(ge=1, le=max_k)] = 10

        @model_validator(mode="after")
        def distinct(self):
            if len({film.item for film in self.items}) != len(self.items):
                raise ValueError("twice")
            return self

    return Wish


def fields_let_pass(n_items, max_k):
    class Film(BaseModel, strict=True):
        item: int = Field(gt=0, le=n_items)
        rating: float = Field(5.0, ge=0.5, le=5)

    class Wish(BaseModel, strict=True):
        items: list[Film] = Field(max_length=1000)
        k: int = Field(10, gt=0, le=max_k)

        @model_validator(mode="after")
        def distinct(self):
            assert len({film.item for film in self.items}) == len(self.items)
            return self

    return Wish


def twice_is_fine(n_items, max_k):
    class Film(BaseModel, strict=True, extra="forbid"):
        item: int = Field(gt=0, le=n_items)
        rating: float = Field(5.0, ge=0.5, le=5)

    class Wish(BaseModel, strict=True, extra="forbid"):
        items: list[Film] = Field(max_length=1000)
        k: int = Field(10, gt=0, le=max_k)

    return Wish


def settings_outside(n_items, max_k):
    film = create_model("Film", item=(Annotated[int, Field(ge=1, le=n_items)], ...), rating=(Stars, 5.0))

    class Wish(BaseModel, strict=True, extra="forbid"):
        items: list[film] = Field(max_length=1000)
        k: int = Field(10, gt=0, le=max_k)

        @model_validator(mode="after")
        def distinct(self):
            assert len({choice.item for choice in self.items}) == len(self.items)
            return self

    return Wish


SECOND = request_from_annotated_types
VARIANTS = {
    "texts_become_numbers": lax_numbers,
    "unknown_fields_ignored": fields_let_pass,
    "same_film_twice": twice_is_fine,
    "closed_on_the_outside_only": settings_outside,
}
EQUIVALENT: dict[str, str] = {}
