"""The fast path answers byte for byte what the ordinary way answers; errors too. And it is taken."""

import asyncio
import io
import json
import threading

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import Histogram

from tests.recsys.service.conftest import KEY, N_USERS
from ultralearn.recsys.service.access_log import AT_ONCE, MOST_WAITING, REQUEST_ID, AccessLog
from ultralearn.recsys.service.app import create_app, put_together
from ultralearn.recsys.service.fast_path import fast_path
from ultralearn.recsys.service.metrics import SECONDS, Metrics, kind_of
from ultralearn.recsys.service.serving import Service
from ultralearn.recsys.service.settings import Settings

SETTINGS = {
    "open": {},
    "with a key": {"api_key": KEY},
    "split": {"shadow_share": 0.5},
    "some ready": {"precomputed_users": 7},
    "none ready": {"precomputed_users": 0},
}


@pytest.fixture(scope="module")
def apps(releases):
    """Pairs of apps, with and without the fast path."""
    pairs = {}
    for name, chosen in SETTINGS.items():
        shadow = releases / "two" if name == "split" else None
        told = Settings(release=releases / "one", shadow=shadow, **chosen)
        pairs[name] = [create_app(told, io.StringIO(), fast_path=fast) for fast in (True, False)]
    return pairs


def asked(app, method, path, query, headers, body, pieces):
    """All that the app sends for one request: status, headers, body."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": list(headers),
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    cuts = [
        body[start : start + max(1, len(body) // pieces + 1)] for start in range(0, len(body), len(body) // pieces + 1)
    ]
    waiting = [*cuts, b""]
    sent = []

    async def receive():
        if not waiting:
            return {"type": "http.disconnect"}
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert sent[0]["type"] == "http.response.start"
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], list(map(tuple, sent[0]["headers"])), content


RIGHT, WRONG = (b"x-api-key", KEY.encode()), (b"x-api-key", b"wrong")
USERS = st.one_of(
    st.integers(1, N_USERS),
    st.integers(-2, 10**12),
    st.sampled_from(["", "01", "+1", "1.0", "1e0", " 1", "1 ", "1/", "١", "one", "1%31", "1?k=3", "9" * 30, "\x00"]),
)
PATHS = st.one_of(
    USERS.map(lambda user: f"/recommend/{user}"),
    st.sampled_from(
        ["/recommend", "/RECOMMEND/1", "//recommend/1", "/recommend/1/2", "/similar/1", "/similar/999", "/model"]
    ),
)
QUERIES = st.one_of(
    st.just(b""),
    st.sampled_from(
        [b"k=10", b"k=3", b"k=0", b"k=101", b"k=", b"k=1&k=2", b"exclude_seen=false", b"exclude_seen=x", b"?", b"%"]
    ),
)
HEADERS = st.lists(
    st.one_of(
        st.sampled_from([(b"x-api-key", KEY.encode()), (b"x-api-key", b"wrong"), (b"x-api-key", b"")]),
        st.sampled_from([(b"accept", b"text/html"), (b"content-type", b"application/json"), (b"content-length", b"0")]),
        st.sampled_from(
            [(b"content-length", b"99999999"), (b"transfer-encoding", b"chunked"), (b"expect", b"nothing")]
        ),
        st.sampled_from([(b"if-none-match", b"*"), (b"range", b"bytes=0-1"), (b"content-length", b"-1")]),
        st.tuples(st.just(b"x-request-id"), st.binary(max_size=70)),
        st.tuples(st.sampled_from([b"cookie", b"x-y", b"user-agent"]), st.binary(max_size=20)),
    ),
    max_size=5,
)
BODIES = st.sampled_from([b"", b"", b'{"items": []}', b"x" * 70_000])


@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(sorted(SETTINGS)),
    method=st.sampled_from(["GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "get", "BREW"]),
    path=PATHS,
    query=QUERIES,
    headers=HEADERS,
    request_id=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    body=BODIES,
    pieces=st.integers(1, 3),
)
@example("with a key", "GET", "/recommend/1", b"", [RIGHT], "a", b"", 1)
@example("with a key", "GET", "/recommend/1", b"", [RIGHT, WRONG], "a", b"", 1)
@example("with a key", "GET", "/recommend/1", b"", [WRONG, RIGHT], "a", b"", 1)
@example("open", "GET", "/recommend/1", b"", [(b"content-length", b"70000")], "a", b"x" * 70_000, 1)
def test_both_ways_answer_alike(apps, name, method, path, query, headers, request_id, body, pieces):
    # An id that the request brings is repeated; one that is made differs, so that every request here brings one first.
    headers = [(b"x-request-id", request_id.encode()), *headers]
    fast, ordinary = (asked(app, method, path, query, headers, body, pieces) for app in apps[name])
    assert fast == ordinary


@pytest.mark.parametrize("name", SETTINGS)
def test_every_user_is_answered_alike(apps, name):
    headers = [(b"x-request-id", b"a"), (b"x-api-key", KEY.encode())]
    for user in range(1, N_USERS + 5):
        fast, ordinary = (asked(app, "GET", f"/recommend/{user}", b"", headers, b"", 1) for app in apps[name])
        assert fast == ordinary
        assert fast[0] == 200


def test_both_ways_write_the_same_line(releases):
    service, lines = Service(Settings(release=releases / "one")), []
    for fast in (True, False):
        access_log = AccessLog(Metrics(), io.StringIO())
        app = put_together(service, access_log, fast)
        asked(app, "GET", "/recommend/3", b"", [(b"x-request-id", b"a")], b"", 1)
        access_log.flush()
        (line,) = access_log.stream.getvalue().splitlines()
        lines.append({name: value for name, value in json.loads(line).items() if name not in {"time", "ms"}})
    assert lines[0] == lines[1]
    assert lines[0]["user"] == 3


@pytest.mark.parametrize("key", [None, KEY])
def test_it_is_taken(releases, key):
    async def another(scope, receive, send):
        raise AssertionError("went the ordinary way")

    service = Service(Settings(release=releases / "one", api_key=key))
    app = fast_path(another, service, AccessLog(Metrics(), None))
    own = [] if key is None else [(b"x-api-key", KEY.encode())]
    for headers in ([], [(b"x-request-id", b"a")], [(b"accept", b"*/*"), (b"host", b"x")]):
        assert asked(app, "GET", "/recommend/1", b"", own + headers, b"", 1)[0] == 200


def test_many_at_once_are_counted_and_written_as_one_by_one():
    """Batches of every size: no line, no count and no second is lost, whatever came together."""
    metrics, stream = Metrics(), io.StringIO()
    access_log = AccessLog(metrics, stream)
    kinds = [kind_of("GET", "/recommend/{user}", 200, user, "als", "v", 0.5) for user in range(1, 8)]
    kinds.append(kind_of("POST", "/recommend", 422))
    took = [0.0, 0.0001, 0.00025, 0.0123456, 2.9, 3.0, 3.1]
    expected = []
    for number in range(2 * AT_ONCE + 17):
        kind, seconds = kinds[number % len(kinds)], took[number % len(took)]
        access_log.record((kind, 1e6, 1e6 + seconds, b"id-%d" % number))
        expected.append((kind.counted.route, kind.counted.status, round(1000 * seconds, 3), f"id-{number}"))
    access_log.flush()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["route"], line["status"], line["ms"], line["request_id"]) for line in lines] == expected
    one_by_one = Histogram("one_by_one", "", registry=None, buckets=SECONDS)
    for number in range(len(expected)):
        if number % len(kinds) < 7:
            one_by_one.observe((1e6 + took[number % len(took)]) - 1e6)
    counted = metrics.seconds.labels("/recommend/{user}")
    assert [bucket.get() for bucket in counted._buckets] == [bucket.get() for bucket in one_by_one._buckets]
    assert counted._sum.get() == pytest.approx(one_by_one._sum.get())
    assert metrics.requests.labels("POST", "/recommend", 422)._value.get() == len(expected) // len(kinds)
    assert metrics.answers.labels("als", "v")._value.get() == sum(bucket.get() for bucket in counted._buckets)
    assert metrics.overlap._sum.get() == 0.5 * metrics.answers.labels("als", "v")._value.get()


def test_a_reader_that_stands_still_costs_lines_and_not_memory():
    class Still(io.StringIO):
        goes_on, begun = threading.Event(), threading.Event()

        def write(self, text):
            self.begun.set()
            assert self.goes_on.wait(300)
            return super().write(text)

    stream = Still()
    access_log = AccessLog(Metrics(), stream)

    async def serve():
        access_log.start()
        access_log.event("first")
        assert stream.begun.wait(300)  # it is being written, and does not wait any more
        for _ in range(MOST_WAITING + 7):
            access_log.event("one of many")
        stream.goes_on.set()
        while access_log._texts.qsize():
            await asyncio.sleep(0.01)
        access_log.event("last")
        access_log.stop()

    asyncio.run(serve())
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    said = [line["event"] for line in lines]
    assert said == ["first", *["one of many"] * MOST_WAITING, "lines dropped", "last"]
    assert lines[-2]["lines"] == 7


def test_no_id_is_made_twice():
    logs = [AccessLog(Metrics(), None) for _ in range(2)]
    made = [log.new_id() for log in logs for _ in range(2500)]
    assert len(set(made)) == len(made)
    assert all(REQUEST_ID.fullmatch(one) for one in made)
