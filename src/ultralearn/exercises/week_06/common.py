"""Week 6: what several exercises are probed with."""

from typing import Any

Seen = dict[str, Any]
