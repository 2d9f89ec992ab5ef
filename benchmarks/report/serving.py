"""What may be said of the serving results: every sentence comes from the figures."""

from collections.abc import Callable, Iterator

from benchmarks.report.plots import bars, plain
from benchmarks.report.results import CLEARLY, Measure, Row, joined, short
from benchmarks.report.suite import Picture, ReportWithFindings

PROMISED = 80  # % of what a bare hello does with a second of CPU
HOT, ORDINARY = "Our service, hot path", "Our service, ordinary way"


def per_second(row: Row) -> float:
    """Requests a CPU second."""
    return 1e6 / row.median("cpu")


def _within(title: str) -> str:
    """As it stands within a sentence; CPU stays CPU."""
    return title if title[:2].isupper() else title[0].lower() + title[1:]


def _figures(own: Row, other: Row, measure: Measure) -> str:
    mine, theirs = own.measured[measure.name], other.measured[measure.name]
    text = f"{measure.show(theirs.median)} {measure.unit} against {measure.show(mine.median)}"
    overlap = theirs.max >= mine.min and mine.max >= theirs.min
    return f"{text} (the ranges overlap)" if overlap else text


class ServingReport(ReportWithFindings):
    """Servers that answer the same ten films."""

    given = "Asked"

    def pictures(self) -> dict[str, Callable[[], Picture]]:
        """Requests a CPU second."""
        return {"plot": self._plot}

    def _plot(self) -> Picture:
        results = self.results
        values = {row.name: per_second(row) for row in results.rows}
        title = self.headline()
        figure = bars(results.rows, values, True, short, title, "Requests a CPU second", log=False)
        numbers = "; ".join(f"{row.label}: {short(values[row.name])}" for row in results.rows)
        return Picture(figure, "serving", f"{plain(title)}. Requests a CPU second: {numbers}.")

    def kept(self) -> bool:
        """Whether the hot path does what was promised of it."""
        return self.results.row(HOT).median("share") >= PROMISED

    def headline(self) -> str:
        """What the plot says, as its title."""
        share = self.results.row(HOT).median("share")
        return f"Our hot path does {share:.0f} % of what\na bare hello does with the same CPU time"

    def findings(self) -> list[str]:
        """The promise, and what answering costs where nothing is ready."""
        results = self.results
        hot, limit, ordinary = (
            results.row(HOT),
            results.row(results.conditions["limit"]),
            results.row(ORDINARY),
        )
        share = hot.measured["share"]
        verdict = "and it is kept" if self.kept() else "and it is not kept"
        hello = next(row for row in results.of_kind("baseline") if row != limit)
        return [
            f"The promise was {PROMISED} % of the limit, {verdict}: {share.median:.1f} % ({share.min:.1f} to "
            f"{share.max:.1f} in {share.values} rounds). A bare hello takes {limit.median('cpu'):.0f} µs of CPU, "
            f"ten films from the hot path {hot.median('cpu'):.0f} µs.",
            f"FastAPI's own hello takes {hello.median('cpu'):.0f} µs, and says no more than hello.",
            f"The same films computed when they are asked for, with their reasons, take "
            f"{ordinary.median('cpu'):.0f} µs: "
            f"{ordinary.median('cpu') / hot.median('cpu'):.0f} times the hot path.",
        ]

    def losses(self) -> list[str]:
        """Where others are ahead of ours, and whose requests failed."""
        results = self.results
        found = [*self._failures()]
        hot, ordinary = results.row(HOT), results.row(ORDINARY)
        for other in results.rows:
            if other.kind != "ours":
                found += self._behind(hot, other)
                if other.like == ordinary.like:
                    found += self._behind(ordinary, other)
        return found

    def _failures(self) -> Iterator[str]:
        for row in self.results.rows:
            if row.measured["failed"].max:
                yield f"{row.name}: requests failed, up to {row.measured['failed'].max:.0f} in a round."

    def _behind(self, own: Row, other: Row) -> Iterator[str]:
        """One sentence with all measures in which the other is clearly ahead."""
        parts = []
        for measure in self.results.measures:
            if measure.name in ("share", "failed"):
                continue
            a, b = own.median(measure.name), other.median(measure.name)
            if (b / a if measure.more_is_better else a / b) > CLEARLY:
                parts.append(f"{_within(measure.title)} {_figures(own, other, measure)}")
        if parts:
            yield f"{other.name} is ahead of {_within(own.name)}: {joined(parts)}."

    def setup(self) -> list[str]:
        """How it was measured."""
        results = self.results
        given, machine = results.conditions, results.machine
        pinned = (
            "The load has a core of its own, and all processes of the server whose turn it is share "
            "another; the servers "
            "that wait are moved beside the load."
            if given["pinned"]
            else "There was one core for everything: the requests a second and the times are not to be trusted."
        )
        failed = sum(row.measured["failed"].max for row in results.rows)
        return [
            f"{machine['cpu']}, {machine['cores']} cores; {machine['system']} on {machine['architecture']}. {pinned}",
            f"{len(results.rows)} servers took turns over {results.rounds} rounds. In its turn each "
            f"is asked as fast as it "
            f"answers, over {given['connections']} connections that are kept, for "
            f"{given['closed_seconds']:g} seconds: CPU "
            f"time a request, and requests a second. Then it is asked {given['rate']} times a second for "
            f"{given['open_seconds']:g} seconds: how long an answer takes, from the moment at which "
            f"the request was due.",
            f"CPU time is that of all processes of a server, user and system. {given['people']} "
            f"people are asked for, and "
            "each server had to give all of them the right films before the clock ran.",
            "No request failed." if not failed else "Requests failed; the table says whose.",
        ]
