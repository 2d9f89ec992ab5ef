"""`python -m benchmarks.servers.ray_serve PORT MODEL [haproxy]`: Ray Serve, one replica, set for throughput."""

import os
import signal
import sys
from typing import Any

os.environ["RAY_SERVE_THROUGHPUT_OPTIMIZED"] = "1"
if "haproxy" in sys.argv:  # in place of the proxy in Python; it listens on all addresses, whatever it is told
    os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.servers import Model


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Recommender:
    """The model as Ray Serve takes one."""

    def __init__(self, path: str) -> None:
        self.model = Model(path)

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Ten films."""
        return self.model.answer(int(request.query_params["user"]))


if __name__ == "__main__":
    ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(
        Recommender.options(logging_config={"enable_access_log": False}).bind(sys.argv[2]),  # type: ignore[attr-defined]
        route_prefix="/recommend",
        logging_config={"enable_access_log": False},
    )
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
