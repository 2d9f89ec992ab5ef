"""What the service can be told from outside: environment variables, checked before anything is loaded."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ultralearn import UltralearnError

PREFIX = "ULTRALEARN_"


class SettingsError(UltralearnError, ValueError):
    """A setting cannot be understood. The message names the variable, what it holds and what it may hold."""


class Settings(BaseModel):
    """Each is the environment variable ULTRALEARN_ and its name in capitals; ULTRALEARN_RELEASE is the one needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: Path = Field(description="folder with the release that is served")
    shadow: Path | None = Field(default=None, description="folder with a release that is only compared, or tested")
    shadow_share: float = Field(default=0.0, ge=0, le=1, description="share of the users who get the shadow's answers")
    api_key: str | None = Field(default=None, min_length=8, repr=False, description="what X-API-Key must hold")
    drain_seconds: float = Field(default=5.0, ge=0, le=600, description="from not ready to closed, after SIGTERM")
    max_body_bytes: int = Field(default=65_536, ge=1_024, le=10_000_000, description="longer bodies get a 413")
    known_users: bool = Field(default=True, description="whether GET /recommend/{user}, which shows tastes, answers")
    precomputed_users: int = Field(default=10_000, ge=0, description="this many answers are kept ready")
    page: bool = Field(default=True, description="whether / is the page for people")
    workers: int = Field(default=1, ge=1, le=64, description="processes behind one port")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings from environment variables; an empty one counts as not set. Raises SettingsError."""
        environment = os.environ if environment is None else environment
        names = {name: f"{PREFIX}{name.upper()}" for name in cls.model_fields}
        given = {name: environment[variable] for name, variable in names.items() if environment.get(variable)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            complaints = []
            for complaint in error.errors(include_url=False):
                name = str(complaint["loc"][0])
                value = "not set" if name not in given else "set" if name == "api_key" else repr(given[name])
                complaints.append(
                    f"{names[name]} ({cls.model_fields[name].description}) is {value}: {complaint['msg']}"
                )
            raise SettingsError("; ".join(complaints)) from error
