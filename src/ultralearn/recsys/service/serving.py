"""What is being served right now, and how something else comes to be served instead."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ultralearn.recsys.service.answers import RecommendResponse, Reloaded, answer_of
from ultralearn.recsys.service.loading import ReleaseError, load_release
from ultralearn.recsys.service.metrics import Kind, kind_of
from ultralearn.recsys.service.scoring import Recommendations, Release
from ultralearn.recsys.service.settings import Settings

DEFAULT_K = 10


class Ready(NamedTuple):
    """An answer that is waiting to be asked for, with what the log and the metrics say of it."""

    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    kind: Kind


@dataclass(frozen=True)
class Deployment:
    """A release, perhaps another in its shadow, and the answers kept ready. Never changed, only replaced whole.

    share: of the users, so many get the shadow's answers; at 0 it is only compared.
    ready: answers to GET /recommend/{user} with nothing else asked, by path.
    """

    champion: Release
    shadow: Release | None
    share: float
    ready: Mapping[str, Ready]
    mean_overlap: float | None

    @property
    def versions(self) -> tuple[str, str | None]:
        """Of the champion and of its shadow."""
        return self.champion.version, self.shadow.version if self.shadow else None

    def release_for(self, user: int) -> Release:
        """The release whose answers this user gets: today, tomorrow and from every worker the same one."""
        if self.shadow is not None and share_of(user) < self.share:
            return self.shadow
        return self.champion


def share_of(user: int) -> float:
    """Where a user falls in an A/B test, at least 0 and less than 1: a hash, so nothing has to be remembered."""
    digest = hashlib.sha256(f"ultralearn:{user}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def overlap_at_10(one: Recommendations, other: Recommendations) -> float:
    """The share of the first ten items that both show; 1 where neither shows any."""
    first, second = ({shown.item for shown in found.items[:DEFAULT_K]} for found in (one, other))
    return len(first & second) / max(len(first), len(second), 1)


def rendered(answer: RecommendResponse) -> bytes:
    """The answer as it is sent, by every route alike."""
    return answer.model_dump_json().encode()


def answer_headers(version: str) -> dict[str, str]:
    """What every answer of a model says in its headers."""
    return {"X-Model-Version": version}


@lru_cache(maxsize=4096)
def _ready_headers(version: str, length: int) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of an answer kept ready; one tuple for all answers as long, so that it stays at hand."""
    named = ((name.lower().encode(), value.encode()) for name, value in answer_headers(version).items())
    return (*named, (b"content-length", str(length).encode()), (b"content-type", b"application/json"))


def prepare(settings: Settings) -> Deployment:
    """Loads, checks and computes everything, beside whatever is being served. Raises ReleaseError."""
    champion = load_release(settings.release)
    shadow = None
    if settings.shadow is not None:
        shadow = load_release(settings.shadow)
        if shadow.n_items != champion.n_items:
            raise ReleaseError(
                f"{settings.shadow} has {shadow.n_items} films, {settings.release} {champion.n_items}: what is compared"
                " must recommend the same films"
            )
    serving = Deployment(champion, shadow, settings.shadow_share, {}, None)
    ready: dict[str, Ready] = {}
    overlaps: list[float] = []
    for user in range(min(champion.n_users, settings.precomputed_users)):
        time.sleep(0)  # let those be answered who ask meanwhile
        release = serving.release_for(user + 1)
        found = release.recommend(user, DEFAULT_K)
        overlap = None
        if shadow is not None:
            other = champion if release is shadow else shadow
            overlap = overlap_at_10(found, other.recommend(user, DEFAULT_K))
            overlaps.append(overlap)
        if not settings.known_users:
            continue
        body = rendered(answer_of(release, found))
        kind = kind_of("GET", "/recommend/{user}", 200, user + 1, found.source, release.version, overlap)
        ready[f"/recommend/{user + 1}"] = Ready(_ready_headers(release.version, len(body)), body, kind)
    mean_overlap = sum(overlaps) / len(overlaps) if overlaps else None
    return Deployment(champion, shadow, settings.shadow_share, ready, mean_overlap)


class Service:
    """What lives as long as the process: the settings, what is being served, and whether it is about to stop."""

    def __init__(self, settings: Settings) -> None:
        """Loads the release. Raises ReleaseError."""
        self.settings = settings
        self.serving = prepare(settings)
        self.draining = False
        self._one_at_a_time = threading.Lock()

    def reload(self) -> Reloaded:
        """Loads what is in the folder now, and serves that from here on. Takes a second: not for the event loop.

        One assignment is the swap: a request that read `serving` before it ends with the old release, whole.
        Raises ReleaseError, and goes on as before.
        """
        with self._one_at_a_time:
            before = self.serving
            after = prepare(self.settings)
            if self.settings.workers > 1:
                # It is good. The parent starts each worker anew with it, one after the other.
                os.kill(os.getppid(), signal.SIGHUP)
                return Reloaded(status="rolling", version=after.champion.version, previous=before.champion.version)
            self.serving = after
        same = before.versions == after.versions
        return Reloaded(
            status="unchanged" if same else "swapped",
            version=after.champion.version,
            previous=before.champion.version,
        )
