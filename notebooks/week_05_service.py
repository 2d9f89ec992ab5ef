# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Week 5: Serve it with FastAPI
#
# A quarter past eight. Three hundred people are on your page. One of them came a minute ago, and no model has ever heard of her. One
# sends the word "five" where you expected a 5. And you, of all moments at this one, have a better model, and it takes a second to load.
# By sixteen past, all three hundred want their films; the new one, too; and whoever sent "five" wants to know what to do about it.
#
# By Sunday you have built the parts that make that an ordinary minute, watched a real server live through it, stopped it, paused it, killed
# it, and learned why the number on its dashboard is not the one that people feel.
#
# Three sessions of about two and a half hours. The notebook runs in about a minute on one core before you have
# written a line: each exercise has a reference that stands in until your own function is right.

# %% tags=["hide-input", "remove-output"]
# On Colab this installs what is missing (never torch or numpy); anywhere else it does nothing.
import subprocess
import sys

if "google.colab" in sys.modules:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "git+@REPOSITORY@",
        ],
        check=True,
    )
    from ultralearn import colab

    colab.prepare()

# %% [markdown]
# ## From memory
#
# Nothing open but a sheet of paper. This is what the week builds on; two minutes each.
#
# 1. Somebody came after training and has told you three films. Write down the equations whose solution is her row of factors. Which
#    part of them is the same for everybody?
# 2. From how many films on did folding somebody in beat the charts? What does that say about an answer to somebody who has told you none?
# 3. $Y'Y + \lambda I$ with λ > 0: why can that system always be solved, whatever is in $Y$?
#
# <details><summary>Check yourself</summary>
#
# 1. $(Y'Y + \alpha\,Y_u'Y_u + \lambda I)\,x = (1 + \alpha)\,Y_u'\mathbf{1}$. $Y'Y$ is the same for everybody: compute it once, when the
#    model is loaded, and not while somebody waits.
# 2. From two on. So to somebody who has told you none: the charts, and say that they are the charts.
# 3. $v'(Y'Y + \lambda I)v = \|Yv\|^2 + \lambda\|v\|^2 > 0$ for every $v$ but zero: no direction is flat.
#
# </details>

# %% tags=["parameters"]
known_people: int = 800  # the others come after training
factors: int = 64
told: float = 0.5  # share of a stranger's films that they tell the service
rates: list[int] = [100, 200, 400, 800, 1600, 3200, 6400]  # offered a second
rate_seconds: float = 1.0  # at each of them
steady_rate: int = 60  # requests a second, for everything else
stall_seconds: float = 0.6  # for so long the server is paused

# %%
import asyncio
import atexit
import contextlib
import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

# %%
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the matrices are small: a second
# thread would spend its time waiting

# %%
import httpx2 as httpx
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import torch
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

# %%
from ultralearn.exercises.week_05 import Holder, Life, Serving, exercise, hint
from ultralearn.practice import claim
from ultralearn.recsys.data import load_movielens
from ultralearn.recsys.evaluation import ndcg_at_k
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.release import promised, write_release

# %%
torch.set_num_threads(1)
plt.style.use("ultralearn.practice.book")
bare: Any = {"tbl_hide_dataframe_shape": True, "tbl_hide_column_data_types": True}
tables = pl.Config(
    **bare, float_precision=3, fmt_str_lengths=80, tbl_width_chars=120, tbl_rows=20
)


# %% [markdown]
# What your own functions will ask for:

# %%
from fastapi import HTTPException, Response  # noqa: F401
from pydantic import ConfigDict, Field, field_validator  # noqa: F401
from ultralearn.recsys.service.answers import Profile  # noqa: F401

# %% [markdown]
# The two small tools for pictures, as in the last weeks.


# %% tags=["hide-input"]
def note(text: str, x, y, color="C0", dx=4, dy=4):
    words = plt.annotate(text, (x, y), (dx, dy), textcoords="offset points")
    words.set(color=color, annotation_clip=False)


def finish(title: str, x, y):
    plt.title(title)
    plt.xlabel(x)
    plt.ylabel(y)
    plt.show()


# %% [markdown]
# ## Session 1: Something that others can call
#
# ### A folder that can be trusted
#
# A model in a notebook is a rumor. What you hand on is a folder. The people with ids up to 800 are here today; the other 143 will come
# later and are put aside, all of them.

# %% tags=["nbval-ignore-output"] reason="the first run on a machine downloads the ratings and says so, later ones do not"
movielens = load_movielens()

# %%
is_here = movielens.users < known_people
here = replace(movielens.take(np.flatnonzero(is_here)), n_users=known_people)
to_come = movielens.take(np.flatnonzero(~is_here))
print(f"{len(here):,} ratings to learn from, {len(to_come):,} of people to come")

# %% [markdown]
# The model is week 4's. What goes with it into the folder: titles, a page that says what it is, and **golden queries**, a handful of questions with
# answers that no good model may get wrong.

# %%
folder = Path(tempfile.mkdtemp())
release = folder / "release"
first = IALS(rank=factors, popularity_power=0.0).fit(here)
served = write_release(first, here, release, promised(here))
sorted(path.name for path in release.iterdir())

# %%
for query in served.golden[:3]:
    liked = " and ".join(served.catalog[item - 1].title for item in query.items)
    print(f"{liked}: at least {query.at_least} of {len(query.expected)} expected films")

# %% [markdown]
# No `pickle` in there: loading one runs whatever code it holds. And no training library will be needed to read it.
#
# ### The first answer
#
# Start the real thing: another process, a port that is free, a log that lies in a file.

# %%
KEY = "only-for-this-week"
started: list[subprocess.Popen[bytes]] = []


# %%
def launch(port: int = 0, **settings: Any) -> tuple[subprocess.Popen[bytes], Path]:
    named = {"release": release, "api_key": KEY, "drain_seconds": 1} | settings
    chosen = {f"ULTRALEARN_{name.upper()}": str(value) for name, value in named.items()}
    log = folder / f"{len(started)}.log"
    service = [sys.executable, "-m", "ultralearn.recsys.service", "--port", str(port)]
    with log.open("w") as lines:
        process = subprocess.Popen(service, env=os.environ | chosen, stdout=lines)
    started.append(process)
    atexit.register(process.kill)
    return process, log


# %%
def address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it says so."""
    while process.poll() is None:
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.02)
    raise RuntimeError(log.read_text())


# %%
process, log = launch()
url = address(process, log)
api = httpx.Client(base_url=url, headers={"X-API-Key": KEY}, timeout=30)
answer = api.get("/recommend/196", params={"k": 3})
print(answer.status_code, answer.headers["content-type"])
answer.json()["items"][0]

# %% [markdown]
# Two processes, one of them this notebook, and between them nothing but text. Beside each film stands what speaks for it: a score of a factor model is a sum
# over the films that somebody chose, so the largest terms are the reasons. Ask for user 900 next, one of those who have not arrived. Write down
# your guess: an error, nothing, or films?


# %%
def shown(answer: httpx.Response) -> pl.DataFrame:
    films = answer.json()["items"]
    reasons = [", ".join(why["title"] for why in film["because"][:2]) for film in films]
    return pl.DataFrame(
        {"film": [film["title"] for film in films], "because of": reasons}
    )


# %%
nobody = api.get("/recommend/900", params={"k": 5})
print(nobody.status_code, nobody.json()["source"])
shown(nobody)

# %% [markdown]
# Films, and the word `popular` beside them. Week 4 ended with strangers being six sevenths of the future: a service that answers
# them with a 404 is out of service most of the time. But it says what it did. An answer that hides that it was a fallback
# will be counted as a recommendation, by you, on a dashboard, in March.
#
# Now let her tell us two films.

# %%
told_us = {"items": [{"item": 50, "rating": 5}, {"item": 172, "rating": 4}], "k": 5}
folded = api.post("/recommend", json=told_us)
print(folded.json()["source"], "from", [served.catalog[i - 1].title for i in (50, 172)])
shown(folded)

# %% [markdown]
# ### What may come in
#
# The body of that request came from a stranger. Before anything is multiplied, it has to be a request at all. In FastAPI that is a pydantic
# model: name the fields, their types, their bounds, and whatever does not fit is answered with 422 before your code is reached.


# %%
@exercise
def recommend_request(n_items: int, max_k: int) -> type[BaseModel]:
    """The body of POST /recommend as a pydantic model: what may come in.

    n_items: films have ids 1 to n_items. max_k: at least 10. Returns the
    class, with two fields. items: required, may be empty, at most 1,000
    objects {"item": id, "rating": stars}; the stars, any number from 0.5
    to 5, may be left out and are 5 then; no film comes twice. k: whole, 1
    to max_k, 10 if left out. A number is a number: "5", true, null, NaN
    and an id of 1.5 do not fit, nor does any field that is not named
    here. What does not fit raises pydantic's ValidationError, which
    FastAPI answers with 422.
    """
    ...


# %% [markdown]
# Stuck? Ask. The first hint is a question; call it again and it says more.

# %%
hint("recommend_request")

# %% [markdown]
# Here are ten requests that are fine JSON and make no sense. First to an endpoint that trusts you: it takes what comes and lets NumPy
# complain. Write down your guess: how many of the ten does it refuse?

# %%
film = {"item": 50, "rating": 5}
nonsense: dict[str, Any] = {
    "a word for a number": {"items": [{"item": "fifty", "rating": 5}]},
    "a number in quotes": {"items": [{"item": 50, "rating": "5"}]},
    "six stars": {"items": [{"item": 50, "rating": 6}]},
    "film 0": {"items": [{"item": 0}]},
    "film 5000": {"items": [{"item": 5000}]},
    "the same film twice": {"items": [film, film]},
    "a million films": {"items": [film], "k": 1_000_000},
    "minus one film": {"items": [film], "k": -1},
    "a misspelled field": {"items": [film], "K": 5},
    "no items": {"k": 5},
}

# %%
careless = FastAPI()
Y = first.item_factors.astype(float)


# %%
@careless.post("/recommend")
def takes_what_comes(body: dict[str, Any]) -> dict[str, list[int]]:
    chosen = [choice["item"] - 1 for choice in body["items"]]
    scores = Y @ Y[chosen].mean(axis=0)
    best = np.argsort(-scores)[: body.get("k", 10)]
    return {"items": [int(place) + 1 for place in best]}


# %%
def statuses(client, bodies: dict[str, Any]) -> list[int]:
    answers = [client.post("/recommend", json=body) for body in bodies.values()]
    return [answer.status_code for answer in answers]


# %%
with TestClient(careless, raise_server_exceptions=False) as client:
    by_careless = statuses(client, nonsense)
by_service = statuses(api, nonsense)
columns = {"careless": by_careless, "the service": by_service}
pl.DataFrame({"sent": list(nonsense)} | columns)

# %% [markdown]
# It refuses none. What breaks it is a 500, "our mistake", and somebody is woken up for it. The others are worse: 200, and an answer to a question that nobody
# asked. `Y[-1]` is the last film to Python, so film 0 gets recommendations, too.
#
# A refusal is read by a person at eleven at night. It should say what was wrong, where, and what would fit:

# %%
problem = api.post("/recommend", json=nonsense["six stars"])
print(problem.headers["content-type"])
print(problem.json()["detail"])

# %%
claim(
    "Of ten requests that are JSON and make no sense, the service refuses all with a 4xx.",
    float(np.mean([400 <= status < 500 for status in by_service])),
    at_least=1.0,
    against=float(np.mean([400 <= status < 500 for status in by_careless])),
)

# %% [markdown]
# ## Session 2: Somebody new
#
# ### Ten of a million
#
# Every answer ends with the same step: 1,682 scores, ten wanted. `np.argsort` does it and nobody will ever notice. Then the catalog grows to a million, and
# a full sort for ten films is most of what the server does. You need not know the order of the other 999,990.


# %%
@exercise
def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """The places of the k best scores, best first, without sorting the
    rest.

    scores: (n_items,), float; -inf marks what must not be shown. k: at
    least 1, perhaps more than there are. Returns int64, (k,), shorter
    where fewer than k scores are above -inf. Of equal scores the lower
    place comes first, also where the list ends: which of them is in is
    not left to chance. scores stay as they were.
    """
    ...


# %%
def quickest(action, repeats: int = 5) -> float:
    """Milliseconds of the fastest try: the others were disturbed."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


# %%
sizes = [1_000, 10_000, 100_000, 1_000_000]
catalogs = [np.random.default_rng(0).normal(size=size) for size in sizes]
sorting = [quickest(lambda s=s: np.argsort(-s, kind="stable")[:10]) for s in catalogs]
choosing = [quickest(lambda s=s: top_k(s, 10)) for s in catalogs]

# %%
plt.figure()
plt.loglog(sizes, sorting, "o-", color="C1")
plt.loglog(sizes, choosing, "s-", color="C0")
note("sort all", sizes[-2], sorting[-2], "C1", dx=-52, dy=6)
note("partition", sizes[-2], choosing[-2], "C0", dx=0, dy=-16)
finish("Ten of a million, without the million", "films in the catalog", "milliseconds")

# %% [markdown]
# At 1,682 films it does not matter; look where the lines stand on *your* catalog before you believe anybody's advice, this included. The exercise
# asks for something that speed alone would not: ties. Where three films share the tenth place, a bare partition takes one by accident, another
# one on another processor, and the answer that you cached is not the one that you compute.
#
# ### An endpoint of your own
#
# Now the whole of it, for somebody whom the model has never seen. A router is a piece of an app that any app can take in.


# %%
@exercise
def fold_in_router(
    item_factors: np.ndarray, popular: np.ndarray, alpha: float, reg: float
) -> APIRouter:
    """A router with POST /recommend, for people whom the model has never
    seen.

    The body is a Profile: `items`, each with `item` (an id from 1) and
    `rating`, and `k`. item_factors: (n_items, rank), row i is film i + 1.
    popular: (n_items,), places of the films, most popular first. With Y
    the item factors, Y_u those of the films sent and p = min(rating / 4,
    1), the person is the x that solves

        (Y'Y + alpha Y_u'Y_u + reg I) x = (1 + alpha) Y_u'p

    Answers in JSON, {"items": [{"item": id, "score": y.x}, ...],
    "source": "fold_in"}: the k best, best first, none that was sent,
    fewer or none where no more are left. Nothing sent: the k most
    popular, each with score 0.0, source "popular". A film that does not
    exist: status 422, and the message holds its id. Nobody's films are
    kept for the next request.
    """
    ...


# %% [markdown]
# `Profile` is the service's own request model, the same as yours but for the number of films. Put your router into an app of your own, and
# knock: a **test client** speaks HTTP to an app with no port in between.

# %%
popularity = np.bincount(here.items, minlength=here.n_items)
charts = np.argsort(-popularity, kind="stable")
yours = FastAPI()
yours.include_router(fold_in_router(Y, charts, first.alpha, first.reg))

# %% [markdown]
# Now the 143 people arrive, one after the other. Each tells half of their films, with stars; the other half stays in our pocket. Both get the same requests: your
# endpoint, and the real service over HTTP.

# %%
rng = np.random.default_rng(0)
profiles, kept = {}, np.zeros((movielens.n_users, movielens.n_items), dtype=bool)

# %%
for person in np.unique(to_come.users):
    rows = rng.permutation(np.flatnonzero(to_come.users == person))
    known, secret = np.split(rows, [int(told * len(rows))])
    pairs = zip(to_come.items[known] + 1, to_come.ratings[known], strict=True)
    choices = [{"item": int(item), "rating": float(stars)} for item, stars in pairs]
    profiles[int(person)] = {"items": choices}
    kept[person, to_come.items[secret]] = True


# %%
def ten_each(client) -> np.ndarray:
    answers = [client.post("/recommend", json=body) for body in profiles.values()]
    return np.array([[f["item"] - 1 for f in a.json()["items"]] for a in answers])


# %%
with TestClient(yours) as client:
    from_yours = ten_each(client)
from_service = ten_each(api)

# %%
told_items = [[choice["item"] - 1 for choice in p["items"]] for p in profiles.values()]
paper = np.array([charts[~np.isin(charts, items)][:10] for items in told_items])
truth = kept[list(profiles)]

# %%
gains = {
    "charts": ndcg_at_k(paper, truth, 10),
    "your endpoint": ndcg_at_k(from_yours, truth, 10),
    "the service": ndcg_at_k(from_service, truth, 10),
}
pl.DataFrame({"who": list(gains), "nDCG@10": [g.mean() for g in gains.values()]})

# %% [markdown]
# The charts leave out what somebody has told, so that they are the best charts one can have. Nothing was learned anew for anybody: one system of 64 equations,
# while they wait.

# %%
claim(
    "To 143 people it has never seen, the service gives lists of nDCG@10 at least 0.5, "
    "from half of their films.",
    float(gains["the service"].mean()),
    at_least=0.5,
    against=float(gains["charts"].mean()),
)

# %%
claim(
    "The endpoint of this notebook gives at least 99 % of these people the same ten "
    "films in the same order as the service.",
    float(np.mean((from_yours == from_service).all(axis=1))),
    at_least=0.99,
    against=float(np.mean((paper == from_service).all(axis=1))),
)

# %% [markdown]
# Twenty lines do what the service does. What the rest of it is for is the next session.
#
# ## Session 3: Staying up
#
# ### Two questions that sound alike
#
# A platform asks your process two things, every few seconds, forever. *Are you alive?* If not, it kills the process and starts another one. *Are you ready?* If not,
# it sends the requests elsewhere and waits. Mix them up and you get the classic of the trade: a service that takes eleven seconds to load and
# is killed after ten, again and again.


# %%
@exercise
def health_router(life: Life) -> APIRouter:
    """A router with GET /healthz and GET /readyz, which a platform asks
    every few seconds, for as long as the process lives.

    life: changes while the service runs. /healthz: should the process be
    started again? As long as it can answer at all: 200 and {"status":
    "ok"}. /readyz: should requests be sent here? 200 if a model is there
    and it is not draining, else 503. The body, JSON, says which, and the
    version: {"status": "ready", "loading" or "draining",
    "model_version": ... or null}; draining is said whether a model is
    there or not.
    """
    ...


# %%
life = Life()
small = FastAPI()
small.include_router(health_router(life))
with TestClient(small) as client:
    for version, draining in [(None, False), ("a1", False), ("a1", True)]:
        life.model_version, life.draining = version, draining
        alive, ready = client.get("/healthz"), client.get("/readyz")
        print(alive.status_code, ready.status_code, ready.json()["status"])

# %% [markdown]
# The last line is a process that has been told to stop. It is alive and well and wants no more guests. Watch the real one do it. Ask it both things and for
# a list, twenty times a second, on a new connection each time; after a second, send SIGTERM, which is what every platform sends first. Write down
# your guess: which answer changes first, and what do the last requests get?


# %%
never_again = httpx.Limits(max_keepalive_connections=0)
knocking = httpx.Client(headers={"X-API-Key": KEY}, limits=never_again)


# %%
def ask(url: str, path: str) -> int:
    """The status, 0 where nobody is there."""
    try:
        return knocking.get(url + path).status_code
    except httpx.HTTPError:
        return 0


# %%
leaving, its_log = launch()
its_url = address(leaving, its_log)
paths = ["/healthz", "/readyz", "/recommend/196"]
moments: list[tuple[float, list[int]]] = []
ask(its_url, "/readyz")

# %%
began, told_to_stop = time.perf_counter(), False
while (now := time.perf_counter() - began) < 3.2:
    if now > 1 and not told_to_stop:
        leaving.terminate()
        told_to_stop = True
    moments.append((now, [ask(its_url, path) for path in paths]))
    time.sleep(0.05)

# %% tags=["hide-input"]
styles = {200: ("o", "C0", "200"), 503: ("X", "C1", "503"), 0: (".", "#8a9199", "gone")}
plt.figure(figsize=(5.2, 2.6))
for status, (marker, color, _) in styles.items():
    for row in range(len(paths)):
        at = [now for now, seen in moments if seen[row] == status]
        plt.plot(at, [row] * len(at), marker, color=color, markersize=5)
for status, (_, color, word) in styles.items():
    at = [now for now, seen in moments if seen[1] == status]
    if at:
        note(word, at[len(at) // 2], 1, color, dx=-10, dy=8)
plt.axvline(1, color="#8a9199", linewidth=1, linestyle="-")
note("SIGTERM", 1, -0.5, "#767d86", dx=5, dy=3)
plt.yticks(range(3), paths)
plt.ylim(-0.5, 2.4)
finish("First it says no, then it goes", "seconds", "")

# %%
not_ready = [seen for _, seen in moments if seen[1] == 503]
well = {seen[0] for seen in not_ready[:-1]}
print("not ready, and /healthz says", *well)
print("exit code:", leaving.wait())

# %% [markdown]
# For a second it says "not ready" to whoever asks that, and still answers everything else: the load balancer has time to notice, and what was on its way
# arrives. Only then does it close the door. Leave out that second, and what was on its way is lost: a handful of requests at each deployment, too few
# to be noticed, and enough to be cursed.
#
# ### A load that does not wait for you
#
# To see what people feel, you have to send what people send. Here is the obvious way: one client, ask, wait for the answer, ask again.


# %%
def in_turn(url: str, seconds: float) -> list[tuple[float, float]]:
    """When each request was sent and how long it took."""
    found, began = [], time.perf_counter()
    with httpx.Client(base_url=url, headers={"X-API-Key": KEY}) as client:
        while (sent := time.perf_counter() - began) < seconds:
            client.get("/recommend/196")
            found.append((sent, time.perf_counter() - began - sent))
            time.sleep(1 / steady_rate)
    return found


# %% [markdown]
# And here is what people do: they come when they come. Nobody stays at home because the server is slow for somebody else. Each request has a time at which it
# is due, and its clock starts then.


# %%
HEAD = f" HTTP/1.1\r\nHost: service\r\nX-API-Key: {KEY}\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


# %%
async def get(path: str, connection: Connection) -> tuple[int, str, bool]:
    """Status, model version, and whether the connection stays open."""
    reader, writer = connection
    writer.write(f"GET {path}{HEAD}".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    named = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
    await reader.readexactly(int(named["content-length"]))
    stays = named.get("connection") != "close"
    return int(head.split()[1]), named["x-model-version"], stays


# %% [markdown]
# That is HTTP, all of it, by hand: a line, some headers, an empty line, a body. A load generator has to cost less than what it loads, or it measures itself; `httpx` looks
# after redirects, cookies, proxies and a pool at each request, which is comfortable, and work that would end up in our figure. Sixteen connections are kept open, and a request that finds none free waits, on its own time.

# %%
Connections = asyncio.Queue[Connection | None]
GONE = (OSError, asyncio.IncompleteReadError)


# %%
async def one(free: Connections, port: int, path: str, due: float, began: float):
    await asyncio.sleep(began + due - time.perf_counter())
    connection, status, version, stays = await free.get(), 0, "nobody", False
    with contextlib.suppress(*GONE):
        connection = connection or await asyncio.open_connection("127.0.0.1", port)
        status, version, stays = await get(path, connection)
    free.put_nowait(connection if stays else None)
    waited = time.perf_counter() - began - due
    return {"due": due, "waited": waited, "status": status, "version": version}


# %%
async def offered(url: str, rate: float, seconds: float) -> pl.DataFrame:
    """One row a request: due (s), waited (s), status, version."""
    free, port = Connections(), int(url.rpartition(":")[2])
    for _ in range(16):
        free.put_nowait(None)
    began, requests = time.perf_counter() + 0.1, []
    for number in range(int(rate * seconds)):
        path = f"/recommend/{1 + number % known_people}"
        requests.append(one(free, port, path, number / rate, began))
    return pl.DataFrame(await asyncio.gather(*requests))


# %% [markdown]
# A notebook has an event loop of its own, which is busy running the notebook. So loads run in a thread, and meanwhile we can do things to the server. First:
# put it to sleep for a moment, with SIGSTOP, as a garbage collection, a noisy neighbor or a hiccup of the disk would. Three seconds of load, asleep for a
# fifth of them. Write down your guess: what share of the requests takes longer than a tenth of a second, for the client that waits its turn, and for the people?

# %%
aside = ThreadPoolExecutor()


def load(url: str, rate: float, seconds: float):
    """An offered load, in another thread; ask its result()."""
    return aside.submit(asyncio.run, offered(url, rate, seconds))


# %%
def stall(process: subprocess.Popen[bytes]):
    time.sleep(1)
    process.send_signal(signal.SIGSTOP)
    time.sleep(stall_seconds)
    process.send_signal(signal.SIGCONT)


# %%
waiting = aside.submit(in_turn, url, 3.0)
stall(process)
by_turn = np.array(waiting.result())
arriving = load(url, steady_rate, 3.0)
stall(process)
by_people = arriving.result()

# %%
plt.figure()
plt.plot(by_people["due"], by_people["waited"], "o", markersize=4, alpha=0.6)
plt.plot(by_turn[:, 0], by_turn[:, 1], "X", color="C1", markersize=6)
worst = by_turn[:, 1].argmax()
note("one client, in turn", by_turn[worst, 0], by_turn[worst, 1], "C1", dx=9, dy=-2)
due, waited, *_ = by_people.sort("waited").row(-12)
note("people", due, waited, "C0", dx=10, dy=-2)
finish("The client that waits sees one slow answer", "due (s)", "waited (s)")

# %%
slow_turn = float((by_turn[:, 1] > 0.1).mean())
slow_people = float((by_people["waited"].to_numpy() > 0.1).mean())

# %%
claim(
    "When the server sleeps for a fifth of the time, at least 8 % of people wait longer "
    "than 0.1 s; a client that asks in turn says it is hardly anybody.",
    slow_people,
    at_least=0.08,
    against=slow_turn,
)

# %% [markdown]
# One cross against a staircase of dots. The client that waits its turn was asleep when the server was: all that it should have sent in that time, it never sent,
# and its p99 is splendid. The trap is called **coordinated omission**, and many a load test that you will be shown has walked into it. Before you believe a
# percentile, ask when its clock started.
#
# ### A new model, while they wait
#
# Now the better model. It takes time to load, it may be broken, and requests come the whole time. In the exercise a `Holder` has one attribute,
# `serving`, and a `Serving` has two, `model` and `version`. There is one safe order, and while your function is checked, requests look at the holder
# at every step of it.


# %%
@exercise
def swap_model(
    holder: Holder,
    load: Callable[[], Serving],
    golden: list[tuple[list[int], int]],
    at_least: int,
) -> str:
    """Load a new model beside the served one, check it, and serve it from
    then on; or leave everything as it is.

    holder.serving: the Serving (model, version) that requests take, in
    other threads, at any time; never None, never half new. load(): takes
    seconds and memory, so once is enough; returns a new Serving, raises
    whatever there is to raise if its files are damaged. golden: pairs
    (items, expected): expected should be in model.recommend(items, 10).
    At least at_least of them must be, and a model that raises on any is
    bad. Returns "swapped", "refused" where the new one is bad or cannot
    be loaded, "unchanged" where it has the version that is served.
    Raises nothing; the old Serving is not changed.
    """
    ...


# %% [markdown]
# In the real service: a new release is written into the same folder, and the service is told to look. People keep coming. How many of their requests fail?

# %%
second = IALS(rank=factors, popularity_power=0.0, seed=1).fit(here)
during_swap = load(url, steady_rate, 5.0)
time.sleep(1)
write_release(second, here, release, promised(here))
reloaded = api.post("/model/reload").json()
in_swap = during_swap.result()

# %%
both = {reloaded["previous"], reloaded["version"]}
print(reloaded["status"], "- answered under both:", set(in_swap["version"]) == both)
failed_in_swap = int((in_swap["status"] != 200).sum())
print("failed requests:", failed_in_swap)

# %% [markdown]
# The other way to get a new model into a process is to stop it and start it again. Same load:

# %%
port = int(url.rpartition(":")[2])
during_restart = load(url, steady_rate, 3.0)
time.sleep(1)
process.terminate()

# %%
process.wait()
process, log = launch(port)
url = address(process, log)
failed_in_restart = int((during_restart.result()["status"] != 200).sum())
print("some failed:", failed_in_restart > 0)

# %%
claim(
    "No request fails while a new model is loaded, checked and swapped in under load.",
    failed_in_swap,
    at_most=0,
    against=failed_in_restart,
)

# %% [markdown]
# And a bad model? This one was trained on a table whose columns have slipped: every film has its neighbor's ratings. It is whole, it loads, and its loss is what it always was,
# since a loss knows no titles. Put it into the folder by hand, with the old release's golden queries, as somebody in a hurry would.

# %%
slipped = replace(here, items=(here.items + 1) % here.n_items)
model = IALS(rank=factors, popularity_power=0.0).fit(slipped)
bad = write_release(model, here, folder / "slipped", [([0], list(range(1, 1682)), 1)])

# %%
for part in (folder / "slipped").iterdir():
    if part.name != "golden.json":  # the old release's stay
        (release / part.name).write_bytes(part.read_bytes())

# %%
refused = api.post("/model/reload")
print(refused.status_code, refused.json()["title"])

# %%
print(re.sub(r"^.*?fails", "It fails", refused.json()["detail"]).split(";")[0])
print("still answering:", api.get("/recommend/196").status_code)

# %% [markdown]
# Refused, and the old one goes on. Without golden queries that model would be live now, and no status code would ever have told you: every answer is 200, and
# every list is wrong.
#
# ### What the dashboard knows
#
# A service that cannot be asked how it is will be asked by its users. `/metrics` is for Prometheus, which comes by every few seconds and takes the numbers away.


# %%
def metrics() -> dict[str, Any]:
    """The families of metrics, by name."""
    families = text_string_to_metric_families(api.get("/metrics").text)
    return {family.name: family for family in families}


# %%
for name, family in metrics().items():
    if not name.endswith("_created"):
        print(f"{family.type:10} {name}: {family.documentation}")

# %% [markdown]
# A histogram holds no times, only how many requests took *at most* so long, in a dozen buckets. A percentile is read from that: the first bucket that 95 in 100 fit into.


# %%
def buckets() -> dict[float, float]:
    """How many requests for lists took at most so many seconds, so far."""
    return {
        float(sample.labels["le"]): sample.value
        for sample in metrics()["ultralearn_request_seconds"].samples
        if sample.name.endswith("_bucket")
        and sample.labels["route"] == "/recommend/{user}"
    }


# %%
def own_p95(before: dict[float, float], after: dict[float, float]) -> float:
    new = {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
    return min(bound for bound, count in new.items() if count >= 0.95 * new[np.inf])


# %% [markdown]
# Now more and more people: 100 requests a second, then twice as many, then twice as many again, up to 6,400. Beside what they wait we write down what the service itself says about the same requests. Write down your
# guess: where do the two part?

# %%
api.get("/recommend/196")
waits, own = [], []
for rate in rates:
    before_it = buckets()
    waits.append(load(url, rate, rate_seconds).result()["waited"].to_numpy())
    own.append(own_p95(before_it, buckets()))
percentiles = 1000 * np.array([np.percentile(wait, [50, 95, 99]) for wait in waits])

# %%
plt.figure()
for column, name in enumerate(["p50", "p95", "p99"]):
    marked = f"{'os^'[column]}-"
    plt.loglog(rates, percentiles[:, column], marked, color=f"C{column}", label=name)
asked_inside = "p95, asked inside"
plt.loglog(rates, 1000 * np.array(own), "D:", color="#8a9199", label=asked_inside)
plt.xticks(rates, [str(rate) for rate in rates], fontsize=9)
plt.minorticks_off()
plt.legend()
finish("People wait longer than the service knows", "offered (requests/s)", "ms")

# %% [markdown]
# The gray line is not wrong. It is the time from the moment when a request reached the app to the moment when the answer left it. What people wait in the socket, for the event loop, in
# their own client, no app can see. So: alarms on what the outside measures, and the inside to find out why.
#
# And where the colored lines turn up, some processor is full. Whose? Our load generator is a Python program, too, on the same machine, and this time it is most likely ours. A load test that
# does not say which side was full has measured one of the two, and you do not know which.
#
# ### The answer that was there before the question
#
# Why is the gray line so low? 800 people, one model: that is 800 answers. The service computes them when it loads a release and keeps the bytes. A request with nothing special about
# it is looked up and sent, in front of FastAPI, before anything is parsed. A shortcut like that is a second implementation, and will say something else one day. Unless
# somebody compares. `?k=10` says what would be so anyway, and takes the long way:

# %%
asked = [f"/recommend/{person}" for person in range(1, known_people + 1, 4)]
short = [api.get(path).content for path in asked]
long = [api.get(path + "?k=10").content for path in asked]
same_bytes = np.mean([a == b for a, b in zip(short, long, strict=True)])


# %%
def lists(bodies: list[bytes]) -> list[list[int]]:
    return [[film["item"] for film in json.loads(body)["items"]] for body in bodies]


# %%
by_first = first.recommend(np.arange(0, known_people, 4), 10) + 1
same_list = np.mean(
    [a == b.tolist() for a, b in zip(lists(short), by_first, strict=True)]
)

# %%
claim(
    "The fast path's answers are, byte for byte, those of the ordinary route, for all of "
    "200 people.",
    float(same_bytes),
    at_least=1.0,
    against=float(same_list),
)

# %% [markdown]
# (The baseline is the same model, trained on the same ratings from another seed: nearly all of its lists differ somewhere. A comparison that says "about the same" would not have noticed.)
#
# What about collecting requests for a few milliseconds and scoring them together, as model servers offer to? For a network on a GPU that is most of the art. For a factor
# model it is a detour: a list costs less than the waiting and the bookkeeping. Our measurements, side by side with the model servers, are on the
# [benchmarks page](../book/benchmarks.md); where we are slower, it says so.
#
# ## Where it fails
#
# One process. Kill it as the kernel does when memory runs out: no SIGTERM, no second of grace.

# %%
during_kill = load(url, steady_rate, 2.0)
time.sleep(1)
process.kill()
last_words = during_kill.result()["status"].to_list()
print("some were answered:", 200 in last_words, "- some were not:", 0 in last_words)
print("alive:", ask(url, "/healthz") == 200)

# %% [markdown]
# Nothing in the process can help: what was in flight is lost, with up to a tenth of a second of its log. What helps stands outside of it: a second process, a platform that starts a third, and a
# proxy that asks again where asking twice does no harm. A GET does none. That is next week.
#
# The other failure is quieter. This model knows what people chose up to the day it was trained. Nobody new has been learned since, no new film can ever be recommended, and
# each of those answers is a prompt 200. Speed and freshness are measured by different people; see that somebody measures both.

# %%
for running in started:
    running.kill()
    running.wait()
api.close()
knocking.close()
aside.shutdown()

# %% [markdown]
# ## Build
#
# In your own project this week: a folder that holds everything that an answer depends on, and a version made from its bytes; `POST /recommend` with bounds on everything;
# `/healthz` and `/readyz`; the version in every answer. Then write five golden queries of your own, by hand: they are the only test that knows what your model is for.
# The gate at month 3 calls `POST /recommend` and `GET /health` (or `/healthz`) of *your* service, sends it people whom it has never seen and nonsense like the above, and fifty clients at once.
#
# ## Explain it
#
# Explain to somebody who runs a restaurant: why "the kitchen is open" and "we have a free table" are two signs and not one; and how to change the menu at half past eight
# without sending anybody home. Where you hesitate is what to read again.
#
# ## Cards
#
# ```{cards} week_05
# ```
#
# ## Further reading
#
# - [FastAPI's documentation](https://fastapi.tiangolo.com/tutorial/) on request bodies, errors and testing: the best-written manual of any framework here.
# - [Gil Tene (2015)](https://www.youtube.com/watch?v=lJ8ydIuPFeU), *How NOT to Measure Latency*: coordinated omission, by the man who named it.
# - [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457.html), *Problem Details for HTTP APIs*: what an error should look like.
