"""A minimal recommender service, as a learner might write it with the standard library, and ways to break it.

It shares no code with the package's own service: plain http.server, item-item cosine, validation by hand.
"""

import contextlib
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from ultralearn.recsys.data import Ratings


class Refused(ValueError):
    pass


def item_cosine(ratings: Ratings) -> np.ndarray:
    liked = (ratings.matrix().toarray() >= 4).astype(np.float32)
    norms = np.maximum(np.linalg.norm(liked, axis=0), 1)
    likeness = (liked.T @ liked) / np.outer(norms, norms)
    np.fill_diagonal(likeness, 0)
    return likeness


class CosineApi:
    """The good one. Each control overrides one thing."""

    version = "cosine-2026-11-23"
    content_type = "application/json"
    health = "/health"

    def __init__(self, ratings: Ratings, likeness: np.ndarray):
        self.ratings, self.likeness = ratings, likeness
        self.watched = np.bincount(ratings.items, minlength=ratings.n_items)
        self.asked = 0

    # --- what is answered: (status, headers, body)

    def get(self, path):
        if path == self.health:
            return 200, {}, b'{"status": "ok"}'
        return 404, {}, b"{}"

    def post(self, path, body):
        self.asked += 1
        if path != "/recommend":
            return 404, {}, b"{}"
        try:
            items, stars, k = self.read(body)
        except Refused as error:
            return self.refuse(error)
        return 200, {}, json.dumps(self.answer(items, stars, k)).encode()

    def answer(self, items, stars, k):
        return {"items": [{"item": i + 1} for i in self.best(items, stars, k)], "model_version": self.version}

    def refuse(self, error):
        return 422, {}, json.dumps({"detail": str(error)}).encode()

    # --- the model

    def scores(self, items, stars):
        liked = [item for item, rating in zip(items, stars, strict=True) if rating >= 4]
        return self.likeness[liked].sum(axis=0) + 1e-6 * self.watched

    def best(self, items, stars, k):
        scores = self.scores(items, stars)
        scores[items] = -np.inf
        return np.argsort(-scores, kind="stable")[:k].tolist()

    # --- validation

    def read(self, body):
        try:
            content = json.loads(body)
        except ValueError as error:
            raise Refused(f"not JSON: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("items"), list):
            raise Refused("expected an object with a list 'items'")
        items, stars = [], []
        for entry in content["items"]:
            if not isinstance(entry, dict):
                raise Refused("expected objects with 'item' and 'rating'")
            item, rating = entry.get("item"), entry.get("rating")
            if not isinstance(item, int) or not 1 <= item <= self.ratings.n_items:
                raise Refused(f"item {item!r}")
            if not isinstance(rating, int | float) or not math.isfinite(rating) or not 1 <= rating <= 5:
                raise Refused(f"rating {rating!r}")
            items.append(item - 1)
            stars.append(rating)
        k = content.get("k", 10)
        if not isinstance(k, int) or not 1 <= k <= 100:
            raise Refused(f"k {k!r}")
        return items, stars, k


# --- the controls: each broken in one way


class EmptyObject(CosineApi):
    def post(self, path, body):
        return 200, {}, b"{}"


class Constant(CosineApi):
    """The same list for everybody, of films so rare that nobody has just rated them."""

    def best(self, items, stars, k):
        return np.argsort(self.watched, kind="stable")[40 : 40 + k].tolist()


class ConstantPopular(CosineApi):
    def best(self, items, stars, k):
        return np.argsort(-self.watched, kind="stable")[:k].tolist()


class PopularInDisguise(CosineApi):
    """What everybody watches, less what you have: the lists do differ."""

    def scores(self, items, stars):
        return self.watched.astype(float)


class MeanStarsInDisguise(CosineApi):
    """Another order that knows nobody: it shares no film with the most watched."""

    def scores(self, items, stars):
        return np.bincount(self.ratings.items, self.ratings.ratings, self.ratings.n_items) / (self.watched + 3)


class NoisyPopular(CosineApi):
    """Popularity, shaken by a seed that hangs on the request: different for all, the same for each."""

    def scores(self, items, stars):
        return self.watched * np.random.default_rng(sum(items)).uniform(0.4, 1.6, len(self.watched))


class SeededRandom(CosineApi):
    def scores(self, items, stars):
        return np.random.default_rng(sum(items)).random(len(self.watched))


class Random(CosineApi):
    def scores(self, items, stars):
        return np.random.default_rng().random(len(self.watched))


class Memorized(CosineApi):
    """Knows everybody it was trained on by heart, and nobody else."""

    def __init__(self, ratings, likeness):
        super().__init__(ratings, likeness)
        self.seen = ratings.matrix().toarray() > 0

    def scores(self, items, stars):
        scores = self.watched / 1e4
        if items:
            common = self.seen[:, items].mean(axis=1)
            if common.max() >= 0.9:
                scores = scores + self.seen[common.argmax()]
        return scores


class MemorizedInDisguise(Memorized):
    """Its popular films shaken, so that nothing but their worth to somebody new can give it away."""

    def scores(self, items, stars):
        return super().scores(items, stars) * np.random.default_rng(sum(items)).uniform(0.4, 1.6, len(self.watched))


class ErrorOnBadInput(CosineApi):
    def refuse(self, error):
        return 500, {}, b"Internal Server Error"


class OkOnBadInput(CosineApi):
    def refuse(self, error):
        return 200, {}, json.dumps(self.answer([], [], 10)).encode()


class LoginOnBadInput(CosineApi):
    def refuse(self, error):
        return 401, {}, b"{}"


class BreaksOnBadInput(CosineApi):
    """Refuses as it should, and then never answers rightly again."""

    broken = False

    def refuse(self, error):
        self.broken = True
        return super().refuse(error)

    def answer(self, items, stars, k):
        return {} if self.broken else super().answer(items, stars, k)


class Slow(CosineApi):
    def post(self, path, body):
        time.sleep(0.15)
        return super().post(path, body)


class SlowNowAndThen(CosineApi):
    """One request in eight: a mean would not show it."""

    def post(self, path, body):
        if self.asked % 8 == 7:
            time.sleep(0.6)
        return super().post(path, body)


class WrongContentType(CosineApi):
    content_type = "text/html; charset=utf-8"


class NotJson(CosineApi):
    def post(self, path, body):
        return 200, {}, b"<html>It works!</html>"


class NaNScores(CosineApi):
    def post(self, path, body):
        status, headers, content = super().post(path, body)
        return status, headers, content.replace(b'{"item":', b'{"score": NaN, "item":')


class LoginPage(CosineApi):
    """Everything is behind a login."""

    def get(self, path):
        if path == "/login":
            return 200, {}, b'{"items": [], "model_version": "login"}'
        return 302, {"Location": "/login"}, b""

    def post(self, path, body):
        return 302, {"Location": "/login"}, b""


class RedirectedRecommend(CosineApi):
    """Healthy, and forwards to what would be a right answer."""

    def post(self, path, body):
        if path == "/recommend":
            return 307, {"Location": "/v2/recommend"}, b""
        return super().post("/recommend", body)


class NotFound(CosineApi):
    def get(self, path):
        return 404, {}, b"{}"

    def post(self, path, body):
        return 404, {}, b"{}"


class UnhealthyOnly(CosineApi):
    def get(self, path):
        return 503, {}, b"{}"


class OldHealth(CosineApi):
    health = "/healthz"


class UnknownItems(CosineApi):
    def best(self, items, stars, k):
        return [*super().best(items, stars, k)[:-1], self.ratings.n_items + 41]


class IdsFromZero(CosineApi):
    """The off-by-one of everybody who trains on arrays: here film 0 is bound to turn up."""

    def answer(self, items, stars, k):
        return {"items": [{"item": i} for i in [0, *self.best(items, stars, k)][:k]], "model_version": self.version}


class ItemsAsText(CosineApi):
    def answer(self, items, stars, k):
        answer = super().answer(items, stars, k)
        return answer | {"items": [{"item": str(entry["item"])} for entry in answer["items"]]}


class Duplicates(CosineApi):
    def best(self, items, stars, k):
        found = super().best(items, stars, k)
        return [found[0], *found[:-1]] if k > 1 else found


class RecommendsWhatWasRated(CosineApi):
    def best(self, items, stars, k):
        return (items + super().best(items, stars, k))[:k]


class IgnoresK(CosineApi):
    def best(self, items, stars, k):
        return super().best(items, stars, 10)


class Unstable(CosineApi):
    """Right in what it recommends, but not twice in the same order."""

    def best(self, items, stars, k):
        found = super().best(items, stars, k)
        return found if k > 10 else np.random.default_rng().permutation(found).tolist()


class TwoWorkers(CosineApi):
    """Two processes behind one port, each with another model."""

    def answer(self, items, stars, k):
        odd = self.asked % 2
        answer = super().answer(items, stars, k)
        return answer | {"model_version": f"worker-{odd}"}


class NoColdStart(CosineApi):
    def answer(self, items, stars, k):
        if not items:
            raise ZeroDivisionError
        return super().answer(items, stars, k)


class ShortColdStart(CosineApi):
    """Only recommends what is like something: too little for somebody with one rare film."""

    def best(self, items, stars, k):
        scores = self.likeness[items].sum(axis=0)
        return [item for item in super().best(items, stars, k) if scores[item] > 0]


class NoVersion(CosineApi):
    version = "unknown"


class VersionLeftOut(CosineApi):
    def answer(self, items, stars, k):
        return {"items": super().answer(items, stars, k)["items"]}


class VersionPerInput(CosineApi):
    """The same for the same question, and so not seen by asking twice."""

    def answer(self, items, stars, k):
        return super().answer(items, stars, k) | {"model_version": f"request-{sum(items)}"}


class OneAtATime(CosineApi):
    """Turns away whoever asks for ten films while eight others wait for theirs."""

    def __init__(self, ratings, likeness):
        super().__init__(ratings, likeness)
        self.free = threading.Semaphore(8)

    def post(self, path, body):
        if b'"k": 10}' not in body:
            return super().post(path, body)
        if not self.free.acquire(blocking=False):
            return 503, {}, b"busy"
        try:
            time.sleep(0.1)
            return super().post(path, body)
        finally:
            self.free.release()


class Drips(CosineApi):
    """Sends its answer a byte at a time: each piece in time, the whole never."""


class Endless(CosineApi):
    """Never stops answering."""


class HangsUp(CosineApi):
    def post(self, path, body):
        raise ConnectionAbortedError


# --- serving


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: CosineApi

    def do_GET(self):
        self._send(*self.api.get(self.path))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.api.post(self.path, body)
        except ConnectionAbortedError:
            self.close_connection = True
            return
        except Exception:
            answer = 500, {}, b"Internal Server Error"
        self._send(*answer)

    def _send(self, status, headers, body):
        self.send_response(status)
        self.send_header("Content-Type", self.api.content_type)
        for name, value in headers.items():
            self.send_header(name, value)
        if isinstance(self.api, Endless) and self.command == "POST":
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b" " * 65536)
            self.close_connection = True
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if isinstance(self.api, Drips) and self.command == "POST":
            with contextlib.suppress(OSError):
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.05)
            return
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that hang up are meant here


@contextlib.contextmanager
def served(api: CosineApi) -> Iterator[str]:
    """The address of the running API."""
    with Server(("127.0.0.1", 0), type("ApiHandler", (Handler,), {"api": api})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
