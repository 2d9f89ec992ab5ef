"""`python -m benchmarks.servers.bento PORT MODEL`: BentoML, one worker, no log of accesses, no metrics or traces."""

import os
import sys
from typing import Any

import bentoml

from benchmarks.servers import Model


@bentoml.service(
    workers=1,
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    traffic={"timeout": 60},
)
class BentoService:
    """The model as BentoML takes one."""

    def __init__(self) -> None:
        self.model = Model(os.environ["MODEL"])

    @bentoml.api
    async def recommend(self, user: int) -> dict[str, Any]:
        """Ten films; async, which spares it a thread a request."""
        return self.model.answer(user)


if __name__ == "__main__":
    os.environ["MODEL"] = sys.argv[2]
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    program = [sys.executable, "-m", "bentoml", "serve", "benchmarks.servers.bento:BentoService"]
    os.execv(program[0], [*program, "--host", "127.0.0.1", "--port", sys.argv[1]])
