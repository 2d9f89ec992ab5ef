"""The image's HEALTHCHECK: exits with 0 where the service says that it is ready. Needs nothing but Python."""

import http.client
import os
import sys


def main() -> None:
    """Asks /ready on PORT (8080 where it is not set)."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8080")), timeout=2)
    try:
        connection.request("GET", "/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"/ready does not answer: {error!r}")
    if status != 200:
        sys.exit(f"/ready says {status}")


if __name__ == "__main__":
    main()
