"""`python -m benchmarks.servers.ray_serve PORT MODEL [haproxy]`: Ray Serve, one replica, set for throughput."""

import os
import signal
import socket
import sys
import tempfile
from typing import Any


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


# Read when ray is imported, here and in the processes that it starts.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
if "haproxy" in sys.argv:  # in place of the proxy in Python; it listens on all addresses, whatever it is told
    os.environ |= {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_METRICS_PORT": free_port(),
        "RAY_SERVE_HAPROXY_STATS_PORT": free_port(),
    }

import ray  # noqa: E402
from ray import serve  # noqa: E402
from starlette.requests import Request  # noqa: E402

from benchmarks.servers import Model  # noqa: E402


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class RayDeployment:
    """The model as Ray Serve takes one."""

    def __init__(self, path: str) -> None:
        self.model = Model(path)

    async def __call__(self, request: Request) -> dict[str, Any]:
        """Ten films."""
        return self.model.answer(int(request.query_params["user"]))


def main() -> None:
    """Serve until told to stop."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        log_to_driver=False,
        _temp_dir=tempfile.gettempdir(),
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    quiet = {"enable_access_log": False}
    application = RayDeployment.options(logging_config=quiet).bind(sys.argv[2])  # type: ignore[attr-defined]
    serve.run(application, route_prefix="/recommend", logging_config=quiet)
    try:
        signal.pause()
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
