"""The checks of month 3's gate: whether a recommender's API keeps the contract, whatever it is built with.

The contract, and what each check looks at, is book/gate_3.md.
"""

import asyncio
import json
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import combinations

import httpx2 as httpx
import numpy as np

from ultralearn.experiments.statistics import mean_interval
from ultralearn.gates.address import Resolver, resolve, why_not_public
from ultralearn.gates.calls import Caller, Response
from ultralearn.gates.month_03.contract import (
    BAD_INPUT,
    MOST_K,
    ContractError,
    Recommended,
    question,
    read_answer,
    sent_items,
)
from ultralearn.gates.month_03.synthetic_users import SyntheticUser, compose, popular_orders, quality, without
from ultralearn.gates.report import Finding, Measured, Report, failed, not_checked, verdict, verified
from ultralearn.gates.run import Check, run_checks
from ultralearn.recsys.data import Ratings

MONTH = 3
HEALTH_PATHS = ("/health", "/healthz")  # one is enough: Cloud Run's front end keeps the second for itself
NO_VERSION = ("", "unknown", "none", "null", "n/a", "todo", "undefined", "latest", "main", "dev")
ABOUT_SOMETHING_ELSE = (401, 403, 405, 407, 408, 429)  # client errors that say nothing about the input


@dataclass(frozen=True)
class Limits:
    """What is asked, and how much of it. The defaults are the gate; tests take less to be done sooner.

    seconds: to the answer of a request. first_seconds: to the first of all, since a service may scale to zero.
    """

    people: int = 300
    rate: float = 10.0  # requests a second
    p95_seconds: float = 0.3
    clients: int = 50
    requests_per_client: int = 4
    seconds: float = 10.0
    first_seconds: float = 60.0
    total_seconds: float = 300.0
    gain: float = 0.05  # over the best order that knows nobody, relative


GATE = Limits()


class Gate3:
    """The checks, and what they share: the people, and what was answered to them."""

    def __init__(self, caller: Caller, ratings: Ratings, limits: Limits, seed: int, not_public: str | None) -> None:
        self.caller, self.ratings, self.limits, self.not_public = caller, ratings, limits, not_public
        self.people = compose(ratings, limits.people, seed)
        self.few = self.people[:20]
        self.versions: Counter[str] = Counter()
        self.few_answers: list[Recommended] = []
        self.load: list[tuple[Response, float]] = []  # with the seconds since each was due

    def checks(self) -> list[Check]:
        """All of them, in the order in which they run."""
        here, works = ("reachable",), ("valid",)
        return [
            Check("reachable", "An HTTP server answers at the address", self._reachable),
            Check("healthy", "GET /health says 200", self._healthy, here),
            Check("valid", "Answers are valid", self._valid, here),
            Check("cold start", "People with one rating or none get recommendations", self._cold_start, works),
            Check("stable", "The same question gets the same answer", self._stable, works),
            Check("personal", "Answers depend on who asks", self._personal, works),
            Check("latency", "p95 is at most 300 ms at 10 requests a second", self._latency, works),
            Check("unseen people", "Better than popularity for people never seen", self._unseen, works),
            Check("bad input", "Bad input is refused with 4xx", self._bad_input, works),
            Check("50 clients", "50 concurrent clients see no error", self._concurrency, works),
            Check("version", "Answers say which model they are of", self._version, works),
            Check("deployed", "The address is public", self._deployed, only_deployed=True),
        ]

    # --- the checks

    async def _reachable(self) -> Finding:
        answer = await self.caller.get(HEALTH_PATHS[0], self.limits.first_seconds)
        if answer.status is None:
            todo = "Is it running, at this very address and port, and does it speak HTTP? Try: curl -i ADDRESS/health"
            return failed(answer.problem, todo)
        return verified(f"first answer after {_ms(answer.seconds)}")

    async def _healthy(self) -> Finding:
        seen = []
        for path in HEALTH_PATHS:
            answer = await self.caller.get(path)
            if answer.status == 200:
                return verified(f"GET {path}: 200")
            seen.append(f"GET {path}: {answer.said()}")
        return failed("; ".join(seen), "Let GET /health answer 200, itself and without a login, when all is well.")

    async def _valid(self) -> Finding:
        for person, k in zip(self.few, (10, 1, MOST_K), strict=False):
            try:
                await self._recommend(person, k)
            except ContractError as error:
                example = {"items": [{"item": 50, "rating": 5}], "k": k}
                todo = f"Send POST /recommend {json.dumps(example)} yourself, and compare with the contract."
                return failed(f"k={k}, {len(person.items)} ratings: {error}", todo)
        return verified(f"lists of 10, 1 and {MOST_K}: known films, none twice, none that was sent")

    async def _cold_start(self) -> Finding:
        counts = np.bincount(self.ratings.items, minlength=self.ratings.n_items)
        usual, rare = int(counts.argmax()) + 1, int(np.where(counts > 0, counts, np.inf).argmin()) + 1
        cases: dict[str, list[dict[str, float]]] = {
            "no ratings": [],
            "one rating, of the best-known film": [{"item": usual, "rating": 5}],
            "one rating, of a film that hardly anybody rated": [{"item": rare, "rating": 4}],
            "one rating, of 1 star": [{"item": usual, "rating": 1}],
        }
        for name, items in cases.items():
            answer = await self.caller.post("/recommend", {"items": items, "k": 10})
            try:
                self._read(answer, 10, [int(entry["item"]) for entry in items])
            except ContractError as error:
                todo = "Fall back on what is popular where you know too little, and fill lists up with it."
                return failed(f"{name}: {error}", todo)
        return verified(f"{len(cases)} people with one rating or none got 10 films each")

    async def _stable(self) -> Finding:
        todo = (
            "Take out what differs between two calls: unseeded noise, workers with different models, the order of sets."
        )
        first, again = [], []
        try:
            for person in self.few:
                first.append(await self._recommend(person, 10))
            for person in reversed(self.few):
                again.append(await self._recommend(person, 10))
        except ContractError as error:
            return failed(str(error), todo)
        changed = sum(one != other for one, other in zip(first, reversed(again), strict=True))
        self.few_answers = first
        if changed:
            return failed(f"{changed} of {len(first)} people got another answer the second time", todo)
        return verified(f"{len(first)} people asked twice")

    async def _personal(self) -> Finding:
        if len(self.few_answers) < 2:
            return not_checked("there are no answers to compare: see stable", "Mend what stopped that check.")
        todo = "Use the ratings that come with the request: fold them in, or add up the neighbors of what was rated."
        asked = list(zip(self.few, self.few_answers, strict=True))
        pairs = list(combinations(asked, 2))
        alike = sum(one_order_explains(a, sent_items(p), b, sent_items(q)) for (p, a), (q, b) in pairs)
        if alike > len(pairs) / 2:
            return failed(
                f"{alike} of {len(pairs)} pairs of lists are one order, the same for all, less what each has rated",
                todo,
            )
        order = popular_orders(self.ratings)["most watched"]
        popular = np.mean([len({i - 1 for i in a.items} & set(without(order, p.items, 10))) for p, a in asked])
        if popular > 8:
            return failed(f"{popular:.1f} of 10 films, in the mean, are the 10 most watched ones", todo)
        return verified(
            f"{len(pairs) - alike} of {len(pairs)} pairs of lists differ in taste; "
            f"{popular:.1f} of 10 films are among the 10 most watched"
        )

    async def _latency(self) -> Finding:
        self.load = await self._paced()
        todo = "Look at where the time goes: load the model once and not per request, answer from arrays, add a worker."
        wrong = [answer for answer, _ in self.load if answer.status != 200]
        if wrong or len(self.load) != len(self.people):
            return failed(f"{len(wrong)} of {len(self.load)} requests failed, such as: {wrong[0].said()}", todo)
        p50, p95 = (percentile([late for _, late in self.load], share) for share in (0.5, 0.95))
        seen = f"p50 {_ms(p50)}, p95 {_ms(p95)} over {len(self.load)} requests, {self.limits.rate:g} a second"
        return verified(seen) if p95 <= self.limits.p95_seconds else failed(seen, todo)

    async def _unseen(self) -> Finding:
        todo = (
            "Measure your model against popularity, on people held out of its training. A good error in stars can "
            "come with a bad ranking, and a model that looks people up knows nobody new."
        )
        if len(self.load) != len(self.people):
            return not_checked("not everybody could be asked: see latency", "Mend what stopped that check.")
        lists = []
        try:
            for person, (answer, _) in zip(self.people, self.load, strict=True):
                found = self._read(answer, 50, sent_items(person))
                lists.append([item - 1 for item in found.items])
        except ContractError as error:
            return failed(str(error), "Mend the answer: it has to be valid for everybody.")
        own = quality(self.people, lists)
        orders = popular_orders(self.ratings)
        known = {name: quality(self.people, self._everybody_gets(order)) for name, order in orders.items()}
        name = max(known, key=lambda order: float(known[order].mean()))
        best = known[name]
        gain, low = float((own - best).mean()), mean_interval(own - best)[0]
        seen = (
            f"nDCG@10 {own.mean():.3f} for {len(own)} people composed for it, {best.mean():.3f} by the {name} films "
            f"({gain / best.mean():+.0%}, the 95 % interval begins at {low / best.mean():+.0%})"
        )
        # Written so that NaN, from whatever mistake, fails.
        return verified(seen) if low > 0 and gain >= self.limits.gain * best.mean() else failed(seen, todo)

    async def _bad_input(self) -> Finding:
        todo = "Check each field's type and range before anything else, and answer 400 or 422 with what is wrong."
        for name, body in BAD_INPUT.items():
            answer = await self.caller.post("/recommend", body)
            if answer.status is None or not 400 <= answer.status < 500 or answer.status in ABOUT_SOMETHING_ELSE:
                return failed(f"{name}: {answer.said()}", todo)
        unknown = await self.caller.post("/recommend", {"items": [{"item": 10**6, "rating": 4}], "k": 10})
        if unknown.status is None or (unknown.status != 200 and not 400 <= unknown.status < 500):
            return failed(f"a film that does not exist: {unknown.said()}", "Refuse it with 4xx, or leave it out.")
        try:
            await self._recommend(self.few[0], 10)
        except ContractError as error:
            return failed(f"after bad requests, a good one: {error}", "Let no request harm the next one.")
        return verified(f"{len(BAD_INPUT)} kinds of it, and the next good request was answered")

    async def _concurrency(self) -> Finding:
        async def client(number: int) -> list[str]:
            problems = []
            for turn in range(self.limits.requests_per_client):
                try:
                    await self._recommend(self.people[(number + turn) % len(self.people)], 10)
                except ContractError as error:
                    problems.append(str(error))
            return problems

        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(client(number)) for number in range(self.limits.clients)]
        problems = [problem for task in clients for problem in task.result()]
        total = self.limits.clients * self.limits.requests_per_client
        if problems:
            return failed(
                f"{len(problems)} of {total} requests failed, such as: {problems[0]}",
                "Share nothing that is written between requests, and let connections queue instead of being refused.",
            )
        return verified(f"{total} requests from {self.limits.clients} clients at once, each answered")

    async def _version(self) -> Finding:
        names = ", ".join(f"{name!r:.40}" for name, _ in self.versions.most_common(3))
        if not self.versions or any(name.strip().lower() in NO_VERSION for name in self.versions):
            return failed(
                f"'model_version' is {names or 'missing'}", "Name the model: a hash of its file, or its date."
            )
        if len(self.versions) > 3:
            return failed(
                f"{len(self.versions)} versions in {self.versions.total()} answers, such as {names}",
                "'model_version' is to name the model, not the request.",
            )
        return verified(f"{names} in {self.versions.total()} answers")

    async def _deployed(self) -> Finding:
        if self.not_public is not None:
            return not_checked(self.not_public, "Deploy the service, and run the gate with its public address.")
        return verified(f"{httpx.URL(self.caller.base).host} leads to the public internet")

    # --- how they ask

    async def _recommend(self, person: SyntheticUser, k: int) -> Recommended:
        return self._read(await self.caller.post("/recommend", question(person, k)), k, sent_items(person))

    def _read(self, answer: Response, k: int, sent: Sequence[int]) -> Recommended:
        found = read_answer(answer, k, sent, self.ratings.n_items)
        self.versions[found.model_version] += 1
        return found

    async def _paced(self) -> list[tuple[Response, float]]:
        """One request a person, each sent when it is due, whether or not those before were answered.

        A client that waits for slow answers asks less often, and so hides how slow they are.
        """
        began = time.perf_counter() + 0.05

        async def ask(number: int, person: SyntheticUser) -> tuple[Response, float]:
            due = began + number / self.limits.rate
            await asyncio.sleep(due - time.perf_counter())
            answer = await self.caller.post("/recommend", question(person, 50))
            return answer, time.perf_counter() - due

        return list(await asyncio.gather(*(ask(number, person) for number, person in enumerate(self.people))))

    def _everybody_gets(self, order: np.ndarray) -> list[list[int]]:
        return [without(order, person.items, 50) for person in self.people]


def one_order_explains(a: Recommended, rated_a: Sequence[int], b: Recommended, rated_b: Sequence[int]) -> bool:
    """Whether two lists of equal length can be the top of one order of all films, less what each person rated.

    In one order the list that reaches less deep holds nothing that the other lacks, but for what the other has rated.
    """
    only_a = set(a.items) - set(b.items) - set(rated_b)
    only_b = set(b.items) - set(a.items) - set(rated_a)
    return not only_a or not only_b


def percentile(seconds: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(seconds)[math.ceil(share * len(seconds)) - 1]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


async def run_gate(
    base: httpx.URL,
    ratings: Ratings,
    headers: Mapping[str, str] | None = None,
    seed: int | None = None,
    limits: Limits = GATE,
    resolver: Resolver = resolve,
    measured: Sequence[Measured] = (),
    announce: Callable[[Check], None] = lambda check: None,
) -> Report:
    """Tests the API at an address. Never raises for anything that the API does.

    base: as gates.address.base_url gives it. headers: sent with each request, never in the report. seed: of the people;
    None draws one. resolver: the one place where names become addresses for the question whether the host is public.
    """
    seed = secrets.randbelow(2**32) if seed is None else seed
    versions = {name: version(name) for name in ("ultralearn", "httpx2")}  # first: nothing may fail after the work
    started, clock = datetime.now(UTC), time.monotonic()
    not_public = await why_not_public(base.host, resolver)
    async with Caller(base, headers or {}, limits.seconds, through_proxy=not_public is None) as caller:
        checks = Gate3(caller, ratings, limits, seed, not_public).checks()
        lines = await run_checks(checks, limits.total_seconds, announce)
    return Report(
        month=MONTH,
        subject=caller.base,
        started=started.isoformat(timespec="milliseconds"),
        seconds=round(time.monotonic() - clock, 3),
        seed=seed,
        verdict=verdict([check.name for check in checks], lines),
        lines=tuple(lines),
        measured=tuple(measured),
        versions=versions,
    )
