"""`python -m ultralearn.recsys.service --release FOLDER`: uvicorn, with what the environment leaves out as options."""

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from ultralearn.recsys.service.app import EXIT_NOT_STARTED, from_environment
from ultralearn.recsys.service.settings import Settings, SettingsError

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "ultralearn.recsys.service.access_log.JSONLines"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
    "loggers": {"uvicorn": {"handlers": ["stdout"], "level": "WARNING", "propagate": False}},
}
BACKLOG = 2048
START_SECONDS = 30  # a worker that is not up by then, on a machine however busy, is given up
STUCK_SECONDS = 10  # an answer that takes longer than this after the drain is given up


def main() -> None:
    """Serves until told to stop. SIGTERM: not ready, drain, stop. SIGHUP: load the release anew."""
    parser = argparse.ArgumentParser(prog="python -m ultralearn.recsys.service", description=main.__doc__)
    parser.add_argument("--release", type=Path, help="folder with the release (or ULTRALEARN_RELEASE)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one and says which")
    parser.add_argument("--workers", type=int, help="processes behind the port (or ULTRALEARN_WORKERS; default 1)")
    arguments = parser.parse_args()
    for name in ("release", "workers"):
        if (value := getattr(arguments, name)) is not None:
            os.environ[f"ULTRALEARN_{name.upper()}"] = str(value)
    try:
        settings = Settings.from_environment()
        listening = _listen(arguments.host, arguments.port)
    except (SettingsError, OSError) as error:
        print(json.dumps({"level": "error", "event": "not started", "reason": str(error)}), flush=True)
        sys.exit(EXIT_NOT_STARTED)
    config = uvicorn.Config(
        "ultralearn.recsys.service.app:from_environment",
        factory=True,
        workers=settings.workers,
        log_config=LOGGING,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # nothing here depends on who asks, or how
        server_header=False,
        timeout_graceful_shutdown=STUCK_SECONDS,
        timeout_worker_healthcheck=START_SECONDS,
    )
    if settings.workers == 1:
        config.app, config.factory = from_environment(), False  # a bad release ends it here, before the line below
        _say_where(listening)
        # uvicorn raises the signal again once it has stopped; having been told to stop is no failure.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        uvicorn.Server(config).run([listening])
        return
    with tempfile.TemporaryDirectory(prefix="ultralearn-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        _say_where(listening)
        Multiprocess(config, [listening]).run()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from here on; they wait until somebody answers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        raise OSError(f"cannot listen on {host}, port {port}: {error.strerror}; try --port 0") from error
    listening.listen(BACKLOG)
    listening.set_inheritable(True)
    return listening


def _say_where(listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    place = f"[{host}]" if ":" in host else host
    print(
        json.dumps({"level": "info", "event": "listening", "port": port, "url": f"http://{place}:{port}"}), flush=True
    )


if __name__ == "__main__":
    main()
