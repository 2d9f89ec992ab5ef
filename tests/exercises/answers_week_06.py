"""Week 6: second solutions, misconceptions written another way, and mutants that change nothing."""

import contextlib
import hashlib
import json
import math
import zlib

import numpy as np

# --- a second, independently written right solution for each exercise ---


def named_by_json(files):
    told = {name: hashlib.blake2b(content).hexdigest() for name, content in files.items()}
    return hashlib.md5(json.dumps(told, sort_keys=True).encode()).hexdigest()[-12:]


def door_as_a_class(app, door, always):
    class Guarded:
        async def __call__(self, scope, receive, send):
            if scope.get("path") in always or scope["type"] == "lifespan":
                return await app(scope, receive, send)
            if not door.closed:
                with self.inside():
                    return await app(scope, receive, send)
            start = {"type": "http.response.start", "status": 503}
            await send(
                start | {"headers": [(b"Connection", b"close"), (b"Retry-After", b"1"), (b"Content-Length", b"0")]}
            )
            return await send({"type": "http.response.body"})

        @contextlib.contextmanager
        def inside(self):
            door.inside = door.inside + 1
            try:
                yield
            finally:
                door.inside = door.inside - 1

    return Guarded().__call__


def bill_with_ifs(requests, milliseconds, vcpus, gib, tariff):
    steps = int(milliseconds // tariff.step_ms)
    if steps * tariff.step_ms < milliseconds:
        steps += 1
    seconds = requests * steps * tariff.step_ms / 1000
    if seconds > tariff.most_seconds:
        seconds = tariff.most_seconds
    dollars = 0.0
    if requests > tariff.free_requests:
        dollars += (requests - tariff.free_requests) / 1e6 * tariff.per_million_requests
    if seconds * vcpus > tariff.free_vcpu_seconds:
        dollars += (seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    if seconds * gib > tariff.free_gib_seconds:
        dollars += (seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second
    return dollars


def asked_in_a_for_loop(call, clock, draw, base, most, patience):
    began = clock.now()
    for attempt in range(10_000):
        status = call()
        if status and status != 429 and status not in range(502, 505):
            break
        pause = draw(0.0, min(most, base * 2**attempt))
        if clock.now() - began > patience - pause:
            break
        clock.sleep(pause)
    return status


def contract_by_checks(answer, sent, k, n_items):
    try:
        assert answer.status == 200
        assert answer.content_type.lower().split(";")[0].rstrip() == "application/json"
        body = json.loads(answer.body.decode("utf-8"))
        assert isinstance(body, dict)
        assert isinstance(body["items"], list)
        assert isinstance(body["model_version"], str)
        assert body["model_version"] != ""
        left = set(range(1, n_items + 1)) - set(sent)
        assert len(body["items"]) == k
        for film in body["items"]:
            assert isinstance(film["item"], int)
            assert not isinstance(film["item"], bool)
            left.remove(film["item"])
    except (AssertionError, KeyError, TypeError, ValueError):
        return False
    return True


def counted_upward(seconds, answered, percent):
    good = sorted(seconds[answered].tolist())
    for place, value in enumerate(good, start=1):
        if 100 * place >= percent * len(seconds):
            return value
    return math.inf


SECOND = {
    "release_name": named_by_json,
    "draining": door_as_a_class,
    "monthly_bill": bill_with_ifs,
    "ask_again": asked_in_a_for_loop,
    "keeps_contract": contract_by_checks,
    "percentile": counted_upward,
}

# --- misconceptions, written as somebody else would ---


def folder_as_it_lies(files):
    return hashlib.sha1(repr(list(files.items())).encode()).hexdigest()[:12]


def cat_and_checksum(files):
    return hashlib.md5(b"".join(content for _, content in sorted(files.items()))).hexdigest()[:12]


def names_and_contents_run_together(files):
    whole = b"".join(name.encode() + content for name, content in sorted(files.items()))
    return hashlib.blake2s(whole).hexdigest()[:12]


def two_short_checksums_summed(files):
    total = sum(zlib.crc32(name.encode()) + zlib.crc32(content) for name, content in files.items())
    return f"{total:012x}"[-12:]


def counted_by_hand(app, door, always):
    async def guarded(scope, receive, send):
        if scope["type"] != "http" or scope["path"] in always:
            return await app(scope, receive, send)
        if door.closed:
            await send({"type": "http.response.start", "status": 503, "headers": CLOSING})
            return await send({"type": "http.response.body", "body": b"", "more_body": False})
        door.inside += 1
        await app(scope, receive, send)
        door.inside -= 1
        return None

    return guarded


CLOSING = [(b"connection", b"close"), (b"retry-after", b"1")]


def cancellation_forgotten(app, door, always):
    async def guarded(scope, receive, send):
        if scope["type"] == "http" and scope["path"] not in always:
            if door.closed:
                await send({"type": "http.response.start", "status": 503, "headers": CLOSING})
                await send({"type": "http.response.body", "body": b""})
                return
            door.inside += 1
            try:
                await app(scope, receive, send)
            except Exception:
                door.inside -= 1
                raise
            door.inside -= 1
        else:
            await app(scope, receive, send)

    return guarded


def no_way_for_probes(app, door, always):
    async def guarded(scope, receive, send):
        counted = scope["type"] == "http" and scope["path"] not in always
        if door.closed and scope["type"] == "http":
            await send({"type": "http.response.start", "status": 503, "headers": CLOSING})
            await send({"type": "http.response.body"})
            return
        door.inside += counted
        try:
            await app(scope, receive, send)
        finally:
            door.inside -= counted

    return guarded


def every_millisecond_as_it_is(requests, milliseconds, vcpus, gib, tariff):
    seconds = min(requests * milliseconds / 1000, tariff.most_seconds)
    dollars = max(0, requests - tariff.free_requests) * tariff.per_million_requests / 10**6
    dollars += max(0, seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    return dollars + max(0, seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second


def credit_for_a_quiet_month(requests, milliseconds, vcpus, gib, tariff):
    seconds = min(requests * -(-milliseconds // tariff.step_ms) * tariff.step_ms / 1000, tariff.most_seconds)
    dollars = (requests - tariff.free_requests) * tariff.per_million_requests / 10**6
    dollars += (seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    return dollars + (seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second


def an_endless_month(requests, milliseconds, vcpus, gib, tariff):
    seconds = requests * math.ceil(milliseconds / tariff.step_ms) * tariff.step_ms / 1000
    kinds = [
        (requests, tariff.free_requests, tariff.per_million_requests / 1e6),
        (seconds * vcpus, tariff.free_vcpu_seconds, tariff.per_vcpu_second),
        (seconds * gib, tariff.free_gib_seconds, tariff.per_gib_second),
    ]
    return sum(max(0, used - free) * price for used, free, price in kinds)


def exponential_without_jitter(call, clock, draw, base, most, patience):
    end = clock.now() + patience
    for attempt in range(10_000):
        status = call()
        pause = min(most, base * 2**attempt)
        if status not in (0, 429, 502, 503, 504) or clock.now() + pause > end:
            return status
        clock.sleep(pause)
    return status


def anything_but_success(call, clock, draw, base, most, patience):
    end, ceiling = clock.now() + patience, base
    while (status := call()) != 200:
        pause = draw(0, ceiling)
        if clock.now() + pause > end:
            return status
        clock.sleep(pause)
        ceiling = min(most, ceiling * 2)
    return 200


def no_upper_end(call, clock, draw, base, most, patience):
    end = clock.now() + patience
    attempt = 0
    while True:
        status = call()
        if status not in {0, 429, 502, 503, 504}:
            return status
        pause = draw(0, base * 2**attempt)
        if end - clock.now() < pause:
            return status
        clock.sleep(pause)
        attempt += 1


def get_with_defaults(answer, sent, k, n_items):
    try:
        body = json.loads(answer.body)
        good = answer.status == 200 and answer.content_type.partition(";")[0].lower() == "application/json"
        if not good or not isinstance(body["items"], list) or not body["model_version"]:
            return False
        ids = [film["item"] for film in body["items"]]
        valid = all(type(item) is int and 0 < item <= n_items for item in ids) and isinstance(
            body["model_version"], str
        )
    except (TypeError, ValueError, KeyError):
        return False
    return valid and len(ids) <= k and len(set(ids)) == len(ids) and not set(sent).intersection(ids)


def truth_counts_as_number(answer, sent, k, n_items):
    try:
        body = json.loads(answer.body)
        ids = [film["item"] for film in body["items"]]
        if not (isinstance(body["items"], list) and isinstance(body["model_version"], str) and body["model_version"]):
            return False
        right = all(isinstance(item, int) and 1 <= item <= n_items for item in ids) and len(set(ids)) == len(ids) == k
    except (TypeError, ValueError, KeyError):
        return False
    typed = answer.content_type.lower().startswith("application/json")
    return right and typed and answer.status == 200 and not set(sent) & set(ids)


def of_those_answered(seconds, answered, percent):
    good = np.sort(seconds[answered])
    return good[math.ceil(percent * len(good) / 100) - 1]


def numpy_percentile(seconds, answered, percent):
    waited = seconds.copy()
    waited[~answered] = np.inf
    with np.errstate(invalid="ignore"):
        return np.quantile(waited, percent / 100)


def floor_of_the_rank(seconds, answered, percent):
    waited = sorted(np.where(answered, seconds, np.inf))
    return waited[max(int(percent * len(waited) / 100) - 1, 0)]


VARIANTS = {
    "release_name": {
        "order_counts": folder_as_it_lies,
        "contents_end_to_end": cat_and_checksum,
        "no_borders": names_and_contents_run_together,
        "sums_of_hashes": two_short_checksums_summed,
    },
    "draining": {
        "errors_stay_inside": counted_by_hand,
        "gone_clients_stay_inside": cancellation_forgotten,
        "probes_refused": no_way_for_probes,
    },
    "monthly_bill": {
        "not_rounded_up": every_millisecond_as_it_is,
        "money_back": credit_for_a_quiet_month,
        "longer_than_a_month": an_endless_month,
    },
    "ask_again": {
        "all_at_once": exponential_without_jitter,
        "all_but_200": anything_but_success,
        "doubled_without_end": no_upper_end,
    },
    "keeps_contract": {
        "short_lists_pass": get_with_defaults,
        "true_is_one": truth_counts_as_number,
    },
    "percentile": {
        "failures_left_out": of_those_answered,
        "interpolated": numpy_percentile,
        "rank_rounded_down": floor_of_the_rank,
    },
}

# --- mutants that change nothing, each with the reason ---

EITHER = "the smaller or larger of two numbers, whichever is named first"
EQUIVALENT: dict[str, dict[str, str]] = {
    "release_name": {"8 → 9": "a length in nine bytes says what it says in eight"},
    "monthly_bill": {
        "min(requests * billed, tariff.most_seconds) → min(tariff.most_seconds, requests * billed)": EITHER,
        "max(0.0, used[kind] - free[kind]) → max(used[kind] - free[kind], 0.0)": EITHER,
    },
    "ask_again": {"min(2 * ceiling, most) → min(most, 2 * ceiling)": EITHER},
}
