"""`python -m benchmarks.servers.lit PORT MODEL`: LitServe, one worker, its faster queue, no log of accesses."""

import sys
from typing import Any

import litserve

from benchmarks.servers import Model


class LitService(litserve.LitAPI):
    """The model as LitServe takes one."""

    def setup(self, device: str) -> None:
        """Load it."""
        self.model = Model(sys.argv[2])

    def decode_request(self, request: dict[str, int], **kwargs: Any) -> int:
        """Who asks."""
        return request["user"]

    def predict(self, x: int, **kwargs: Any) -> dict[str, Any]:
        """Ten films."""
        return self.model.answer(x)

    def encode_response(self, output: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """It is JSON already."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(LitService(), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, log_level="warning", generate_client_file=False
    )
