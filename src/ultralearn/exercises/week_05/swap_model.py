"""Week 5: `swap_model`."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ultralearn.exercises.week_05.common import Seen
from ultralearn.practice import Declaration, Probe


class Model:
    """Something that recommends."""

    def recommend(self, items: Sequence[int], k: int) -> list[int]:
        """The k best films for somebody who likes these."""
        raise NotImplementedError


@dataclass
class Serving:
    """A model and its version, which belong together."""

    model: Any
    version: str


class Holder:
    """What every request looks at, once: `serving = holder.serving`, and from there on only `serving`."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving


def swap_model(holder: Holder, load: Callable[[], Serving], golden: list[tuple[list[int], int]], at_least: int) -> str:
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
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        kept = sum(expected in new.model.recommend(items, 10) for items, expected in golden)
    except Exception:
        return "refused"
    if kept < at_least:
        return "refused"
    holder.serving = new
    return "swapped"


def _kept(model, golden, k=10):
    return sum(expected in model.recommend(items, k) for items, expected in golden)


def swap_unless_raised(holder, load, golden, at_least):
    """The swap, and nothing caught."""
    new = load()
    if new.version == holder.serving.version:
        return "unchanged"
    if _kept(new.model, golden) < at_least:
        return "refused"
    holder.serving = new
    return "swapped"


READERS = 3
PATIENCE = 5.0  # seconds until a reader counts as lost


class _Damaged(Exception):
    """As libraries have their own, of no other kind."""


class _Theater:
    """A service in operation, as far as a swap can tell: readers in threads of their own, who look whenever something
    happens. Nothing depends on luck: each time, all of them read once, and whoever made it happen waits for them.
    """

    def __init__(
        self, new_version: str, misses: Sequence[int], damage: Exception | None, crashes_at: int | None
    ) -> None:
        self.new_version = new_version
        self.misses, self.damage, self.crashes_at = misses, damage, crashes_at
        self.loads = 0
        self.asked: list[tuple[str, int]] = []  # whose model was asked a golden query, for how many films
        self.read: list[tuple[str, str]] = []
        self._barrier: threading.Barrier | None = None
        self._over = False
        served = _WatchedServing(_ScriptedModel(self, "old"), "old")
        self.holder = _WatchedHolder(served)
        for watched in (served, self.holder):
            watched.__dict__["theater"] = self

    def load(self) -> Serving:
        """The new model, if its files are whole."""
        self.loads += 1
        self.everybody_looks()
        if self.damage is not None:
            raise self.damage
        return Serving(_ScriptedModel(self, self.new_version, number=self.loads), self.new_version)

    def everybody_looks(self) -> None:
        """All readers read once, now."""
        if self._barrier is not None:
            self._barrier.wait(PATIENCE)
            self._barrier.wait(PATIENCE)

    def read_by_all(self, action: Callable[[], Any]) -> Any:
        """Do something while readers are there."""
        self._barrier = threading.Barrier(READERS + 1)
        readers = [threading.Thread(target=self._reader, daemon=True) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            return action()
        finally:
            self._over = True
            self._barrier.abort()
            for reader in readers:
                reader.join(PATIENCE)

    def _reader(self) -> None:
        barrier = self._barrier
        assert barrier is not None
        while not self._over:
            try:
                barrier.wait(PATIENCE)
                self.read.append(_pair(self.holder.serving))
                barrier.wait(PATIENCE)
            except threading.BrokenBarrierError:
                return


def _pair(serving: Any) -> tuple[str, str]:
    """Whose model, under which version."""
    if not isinstance(serving, Serving):
        return "nothing", "nothing"
    return getattr(getattr(serving, "model", None), "name", "nothing"), str(getattr(serving, "version", "nothing"))


class _ScriptedModel(Model):
    """Keeps the golden queries that its script does not miss: the expected film comes tenth. Else it comes eleventh."""

    def __init__(self, theater: _Theater, name: str, number: int = 0) -> None:
        self.theater, self.name, self.number = theater, name, number

    def recommend(self, items: Sequence[int], k: int) -> list[int]:
        script = self.theater
        script.everybody_looks()
        script.asked.append((f"the model of load {self.number}" if self.number else "the model that is served", k))
        query = items[0]
        if self.number and query == script.crashes_at:
            raise ValueError("a factor is NaN")
        best = list(range(100, 130))
        best.insert(10 if self.number and query in script.misses else 9, 1000 + query)
        return best[:k]


class _WatchedServing(Serving):
    theater: _Theater

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "theater" in self.__dict__:
            self.theater.everybody_looks()


class _WatchedHolder(Holder):
    theater: _Theater

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if "theater" in self.__dict__ and name == "serving":
            self.theater.everybody_looks()


def _swapped(function: Callable[..., Any], holder: Holder, load: Callable[[], Serving], **rest: Any) -> Seen:
    """What was returned, what requests saw meanwhile, and what is served in the end."""
    theater: _Theater = load.__self__  # type: ignore[attr-defined] # the probe made it so
    before = holder.serving
    began_with = before.model
    returned = theater.read_by_all(lambda: function(holder=holder, load=load, **rest))
    new = {pair for pair in theater.read if pair[0] == pair[1] == theater.new_version != "old"}
    torn = {pair for pair in theater.read if pair[0] != pair[1]}
    empty = ("nothing", "nothing") in theater.read
    return {
        "what it returns": returned,
        "served in the end": " as ".join(_pair(holder.serving)),
        "requests that found nothing to serve": "some" if empty else "none",
        "requests that saw one model under the other's version": "some" if torn else "none",
        "a request that took the old model before": "ends with it whole"
        if began_with is getattr(before, "model", None) and _pair(before)[1] == "old"
        else "finds it changed",
        "seen by requests before its check was over": _too_early(theater, bool(new)),
        "times that load was called": theater.loads,
        "which load is served": getattr(getattr(holder.serving, "model", None), "number", "none"),
        # Whether the same model comes to be checked before it is found to be the same, is left open.
        "who was asked, for how many films": sorted(set(theater.asked)) if theater.new_version != "old" else [],
    }


def _too_early(theater: _Theater, seen_new: bool) -> str:
    """Whether somebody saw the new model, though in the end it was not served or golden queries came after."""
    served = _pair(theater.holder.serving)[1] == theater.new_version
    reads_of_new = [i for i, pair in enumerate(theater.read) if pair == (theater.new_version, theater.new_version)]
    # Each event is read by all; the last one of a good swap is the assignment itself.
    allowed = READERS if served else 0
    return "some" if seen_new and len(reads_of_new) > allowed else "none"


def _operation(
    new_version: str = "new",
    misses: Sequence[int] = (),
    queries: int = 4,
    at_least: int = 3,
    damage: Exception | None = None,
    crashes_at: int | None = None,
) -> Seen:
    theater = _Theater(new_version, misses, damage, crashes_at)
    golden = [([query, query + 1], 1000 + query) for query in range(queries)]
    return {"holder": theater.holder, "load": theater.load, "golden": golden, "at_least": at_least}


declaration = Declaration(
    swap_model,
    question="A request takes two milliseconds, loading a model takes two seconds. A thousand requests begin in "
    "between. Which model does each of them see, and when may that change?",
    nudge="Everything that can fail comes first, on an object that nobody else knows. The last line that does anything "
    "is one assignment, and Python makes that in one piece.",
    probes=[
        Probe("a good model", lambda: _operation()),
        Probe("a model that keeps 2 of 4 golden queries, where 3 are needed", lambda: _operation(misses=[0, 3])),
        Probe("a model that misses the first and keeps as many as it must", lambda: _operation(misses=[0])),
        Probe("a model that keeps the one that it must", lambda: _operation(misses=[0, 1, 3], at_least=1)),
        Probe("damaged files", lambda: _operation(damage=OSError("model.safetensors is damaged"))),
        Probe("damage of another kind", lambda: _operation(damage=_Damaged("header too large"))),
        Probe("a model that raises on a golden query", lambda: _operation(crashes_at=2)),
        Probe("a model that raises on the last golden query", lambda: _operation(crashes_at=3)),
        Probe("the version that is served already", lambda: _operation(new_version="old")),
        Probe("50 golden queries", lambda: _operation(misses=range(5), queries=50, at_least=40), times=200),
    ],
    observe=_swapped,
    mutates=True,
)


@declaration.misconception
def swapped_before_it_is_checked(holder, load, golden, at_least):
    """You serve the new model while you find out whether it is any good, and take it back if not. In between, people
    got its answers. Check it where nobody sees it.
    """
    old = holder.serving
    try:
        new = load()
        if new.version == old.version:
            return "unchanged"
        holder.serving = new
        if _kept(new.model, golden) >= at_least:
            return "swapped"
    except Exception:
        pass
    holder.serving = old
    return "refused"


@declaration.misconception
def model_then_version(holder, load, golden, at_least):
    """You change the served object, first one part, then the other. A request that comes in between sees one model
    under the other's version; so does one that took `serving` before and reads on after. Put a new object in its place.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(new.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving.model = new.model
    holder.serving.version = new.version
    return "swapped"


@declaration.misconception
def nothing_served_while_loading(holder, load, golden, at_least):
    """You take the old model away before the new one is there, to save memory perhaps. Every request in between fails.
    Beside, not instead.
    """
    old, holder.serving = holder.serving, None
    try:
        new = load()
        good = _kept(new.model, golden) >= at_least
    except Exception:
        good = False
    holder.serving = new if good and new.version != old.version else old
    return "refused" if not good else "unchanged" if new.version == old.version else "swapped"


@declaration.misconception
def not_checked(holder, load, golden, at_least):
    """Whatever can be loaded is served by you. A model can be whole, and trained on the wrong file: the golden queries
    are there to notice before anybody else does.
    """
    try:
        new = load()
    except Exception:
        return "refused"
    if new.version == holder.serving.version:
        return "unchanged"
    holder.serving = new
    return "swapped"


@declaration.misconception
def old_one_checked(holder, load, golden, at_least):
    """You put the golden queries to the model that is served, not to the new one. It passes, of course: it did when it
    came in.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(holder.serving.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


@declaration.misconception
def one_is_enough(holder, load, golden, at_least):
    """One golden query kept is enough for you. `at_least` says how many it must be."""
    return swap_model(holder, load, golden, min(at_least, 1))


@declaration.misconception
def all_or_nothing(holder, load, golden, at_least):
    """You refuse a model that misses a single golden query. `at_least` says how many it must keep."""
    return swap_model(holder, load, golden, len(golden))


@declaration.misconception
def exactly_enough_is_refused(holder, load, golden, at_least):
    """A model that keeps exactly as many golden queries as it must is refused by you."""
    return swap_model(holder, load, golden, at_least + 1)


@declaration.misconception
def damage_gets_through(holder, load, golden, at_least):
    """If the files are damaged, your function raises. The old model goes on, but so does the exception, into whatever
    asked for the reload. A bad release is an expected thing: answer it.
    """
    new = load()
    if new.version == holder.serving.version:
        return "unchanged"
    try:
        if _kept(new.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


@declaration.misconception
def expected_errors_only(holder, load, golden, at_least):
    """You catch the errors that you have thought of, and damage comes in others, too: each library has its own. What
    must not get out of here is anything that load() or the model can raise.
    """
    try:
        return swap_unless_raised(holder, load, golden, at_least)
    except (OSError, ValueError):
        return "refused"


@declaration.misconception
def stops_when_enough(holder, load, golden, at_least):
    """As soon as enough golden queries are kept you ask no more. One of the others may make the model raise, and then
    it is people who find out.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        kept = 0
        for items, expected in golden:
            kept += expected in new.model.recommend(items, 10)
            if kept >= at_least:
                holder.serving = new
                return "swapped"
    except Exception:
        pass
    return "refused"


@declaration.misconception
def first_ones_only(holder, load, golden, at_least):
    """You ask the first `at_least` golden queries, and want all of those. It says how many of all of them must be kept,
    whichever they are.
    """
    return swap_model(holder, load, golden[:at_least], at_least)


@declaration.misconception
def more_than_half(holder, load, golden, at_least):
    """More than half of the golden queries kept is enough for you, and less is not. `at_least` says how many it must
    be.
    """
    return swap_model(holder, load, golden, len(golden) // 2 + 1)


@declaration.misconception
def nobody_sees_it(holder, load, golden, at_least):
    """You say "swapped", and the old model is still served: nothing was assigned to `holder.serving`. A name that you
    bind in your function, `serving = ...` or `holder = ...`, is yours alone; nobody else looks at it.
    """
    try:
        holder = Holder(holder.serving)
        return swap_unless_raised(holder, load, golden, at_least)
    except Exception:
        return "refused"


@declaration.misconception
def old_one_taken_apart(holder, load, golden, at_least):
    """The new one is served, and you take the old one apart, to free its memory perhaps. Whoever began before still has
    it in their hands. Python frees it when the last of them is done.
    """
    old = holder.serving
    outcome = swap_model(holder, load, golden, at_least)
    if outcome == "swapped":
        old.model = None
    return outcome


@declaration.misconception
def crash_counts_as_kept(holder, load, golden, at_least):
    """A model that raises on a golden query raises on people, too. You pass over it as if it had not been asked."""
    try:
        new = load()
    except Exception:
        return "refused"
    if new.version == holder.serving.version:
        return "unchanged"
    kept = 0
    for items, expected in golden:
        try:
            kept += expected in new.model.recommend(items, 10)
        except Exception:
            kept += 1
    if kept < at_least:
        return "refused"
    holder.serving = new
    return "swapped"


@declaration.misconception
def same_version_swapped(holder, load, golden, at_least):
    """You swap a model for itself and say "swapped". Whoever deployed believes that something new is out there; say
    "unchanged".
    """
    try:
        new = load()
        if _kept(new.model, golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"


@declaration.misconception
def one_checked_another_served(holder, load, golden, at_least):
    """You load twice, check the first and serve the second. It costs twice, and somebody may have changed the files in
    between: what you serve has never been checked.
    """
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(new.model, golden) < at_least:
            return "refused"
        holder.serving = load()
    except Exception:
        return "refused"
    return "swapped"


@declaration.misconception
def only_the_first_place(holder, load, golden, at_least):
    """You ask the golden queries for another number of films than ten, so the model is held to another promise."""
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if _kept(new.model, golden, k=1) < at_least:
            return "refused"
    except Exception:
        return "refused"
    holder.serving = new
    return "swapped"
