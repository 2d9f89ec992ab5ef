"""What may be said of the catalog results: every sentence comes from the figures."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from benchmarks.report.plots import plain, size_plot
from benchmarks.report.results import CLEARLY, Row, joined, rounded, short
from benchmarks.report.suite import Picture, ReportWithFindings

ENOUGH = 0.95  # recall below this is another question
SIZE = "items"
BRUTE, PRUNING, FLAT, GRAPH = "brute force", "exact pruning", "faiss flat", "HNSW 0.95"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def _ms(row: Row) -> str:
    return f"{row.median('p50'):.3g} ms"


class CatalogReport(ReportWithFindings):
    """The catalog of growing size: who finds ten films the fastest, and from which size on."""

    def pictures(self) -> dict[str, Callable[[], Picture]]:
        """The latency against the number of films."""
        return {"plot": self._plot}

    def _plot(self) -> Picture:
        results = self.results
        title, cost = self.headline(), results.cost
        figure = size_plot(results, title, SIZE, "Films")
        numbers = "; ".join(f"{row.name}: {cost.show(row.median(cost.name))} ms" for row in results.rows)
        return Picture(figure, "catalog", f"{plain(title)}. {numbers}.")

    def sizes(self) -> list[int]:
        """The numbers of items, ascending."""
        return sorted({int(row.params[SIZE]) for row in self.results.rows})

    def at(self, series: str, size: int) -> Row:
        """The row of a series at a size. Raises KeyError."""
        return {(row.series, row.params[SIZE]): row for row in self.results.rows}[series, size]

    def fastest(self, size: int, kind: str | None = None) -> Row:
        """The row with the lowest median latency at a size, of those that find enough, of one kind or of all."""
        rows = [row for row in self.results.rows if row.params[SIZE] == size and row.median("recall") >= ENOUGH]
        return min((row for row in rows if kind in (None, row.kind)), key=lambda row: row.median("p50"))

    def crossing(self, slow: str, quick: str) -> tuple[int, int, float] | str:
        """Between which sizes the second series overtakes the first for good, and where the lines of the plot cross.

        Or "always" where it is ahead at every size, "never" where it is behind at the largest.
        """
        ahead = [
            (size, math.log(self.at(slow, size).median("p50") / self.at(quick, size).median("p50")))
            for size in self.sizes()
        ]
        if ahead[-1][1] <= 0:
            return "never"
        for (small, before), (large, after) in reversed(list(pairwise(ahead))):
            if before <= 0 < after:
                share = before / (before - after)
                return small, large, math.exp(math.log(small) + share * (math.log(large) - math.log(small)))
        return "always"

    def headline(self) -> str:
        """What the plot says, as its title."""
        largest = self.sizes()[-1]
        brute, best = self.at(BRUTE, largest), self.fastest(largest)
        ratio = brute.median("p50") / best.median("p50")
        if best == brute:
            return f"At {rounded(largest)} films, brute force\nis still the fastest"
        return (
            f"At {rounded(largest)} films, {best.series.partition(' 0')[0]} answers\n{_times(ratio)} as "
            f"fast as brute force"
        )

    def findings(self) -> list[str]:
        """Who is the fastest where, from which size on, why, and what it takes beforehand."""
        found = []
        for size in self.sizes():
            best = self.fastest(size)
            brute = self.at(BRUTE, size)
            name = best.name.rpartition(",")[0]  # without the size
            found.append(
                f"At {rounded(size)}, the fastest of all that find {ENOUGH:.0%} is {name}: "
                f"{_ms(best)}, where brute force "
                f"takes {_ms(brute)}."
            )
        found += [
            self._crossed(BRUTE, PRUNING, "Exact pruning", "brute force"),
            self._crossed(BRUTE, GRAPH, "HNSW with a recall of 0.95", "brute force"),
            self._crossed(PRUNING, GRAPH, "HNSW with a recall of 0.95", "exact pruning"),
        ]
        found.append(self._looked_at())
        found.append(self._paid_off())
        return found

    def _crossed(self, slow: str, quick: str, quick_name: str, slow_name: str) -> str:
        where = self.crossing(slow, quick)
        if where == "always":
            return f"{quick_name} is ahead of {slow_name} at every size here."
        if isinstance(where, str):
            return f"{quick_name} does not catch up with {slow_name} at any size here."
        small, large, point = where
        return (
            f"{quick_name} overtakes {slow_name} between {rounded(small)} and {rounded(large)} films, at about "
            f"{short(float(f'{point:.1g}'))} if one draws a straight line between the two in the picture."
        )

    def _looked_at(self) -> str:
        looked = {
            label: share
            for label, share in self.results.conditions["looked_at"].items()
            if label not in ("real", "made")
        }
        shares = joined([f"{share:.0%} at {label}" for label, share in looked.items()])
        text = f"Of all films, pruning computes the scores of {shares}"
        if list(looked.values()) != sorted(looked.values(), reverse=True):
            return f"{text}."
        return (
            f"{text}: the more there are, the higher the tenth best score, and the sooner no shorter film can reach it."
        )

    def _paid_off(self) -> str:
        """After how many queries the graph has earned what building it took, at the largest size."""
        largest = self.sizes()[-1]
        graph = self.at(GRAPH, largest)
        best = self.fastest(largest, "ours")
        saved = best.median("p50") - graph.median("p50")
        built = f"Building the graph of {rounded(largest)} films takes {graph.median('build'):.0f} CPU seconds"
        if saved <= 0:
            return f"{built}, and it saves nothing against {best.series}."
        queries = (graph.median("build") - best.median("build")) * 1000 / saved
        return (
            f"{built}; against {best.series} it has earned that back after about "
            f"{short(float(f'{queries:.2g}'))} queries."
        )

    def losses(self) -> list[str]:
        """Where a library is ahead of ours, size by size."""
        return [sentence for size in self.sizes() for sentence in self._lost(size)]

    def _lost(self, size: int) -> Iterator[str]:
        own, peer = self.fastest(size, "ours"), self.fastest(size, "peer")
        ratio = own.median("p50") / peer.median("p50")
        if ratio > CLEARLY:
            yield (
                f"{peer.name} answers {_times(ratio)} as fast as our fastest, {own.series}: {_ms(peer)} against "
                f"{_ms(own)}, at a recall of {peer.median('recall'):.3f} against {own.median('recall'):.3f}."
            )
        for mine in (BRUTE, PRUNING):
            row, flat = self.at(mine, size), self.at(FLAT, size)
            if row.median("p50") / flat.median("p50") > CLEARLY and flat != peer:
                yield (
                    f"{flat.name}, which looks at everything, is faster than our {mine}: {_ms(flat)} "
                    f"against {_ms(row)}."
                )
        tail = self.at(PRUNING, size)
        other = self.at(FLAT, size)
        if tail.median("p99") / other.median("p99") > CLEARLY >= tail.median("p50") / other.median("p50"):
            yield (
                f"{other.name} has the better slow end: 99 % of its answers come within {other.median('p99'):.3g} ms, "
                f"those of our pruning within {tail.median('p99'):.3g} ms. How much pruning looks at "
                f"depends on who asks."
            )

    def setup(self) -> list[str]:
        """How it was measured, and where the films come from."""
        results = self.results
        given, machine = results.conditions, results.machine
        looked, near = given["looked_at"], given["neighbors"]
        return [
            f"{machine['cpu']}, {machine['cores']} cores, of which each contestant has one; {machine['system']} on "
            f"{machine['architecture']}.",
            f"{len(results.rows)} rows took turns over {results.rounds} rounds of {given['queries']} queries, one at a "
            "time: ten films for each of so many people, with the factors of the trained iALS, seen ones included.",
            f"The {given['real']:,} films are real: their {given['rank']} factors come from the "
            f"ratings. The others are "
            "made from them: each has the length of a real film, drawn at random, and its direction, "
            "turned by noise of "
            f"the same mean and covariance as all real directions (share {given['noise']:g}; a smoothed bootstrap).",
            f"Whether that is like the real thing can be checked at {given['real']:,}. The nearest "
            f"neighbor of a film is "
            f"at a cosine of {near['real']:.2f}, that of a made one at {near['made']:.2f}; pruning looks at "
            f"{looked['real']:.0%} of the real films, and at {looked['made']:.0%} of as many made ones.",
            "A real catalog of a million would have a longer tail of films that hardly anybody knows. Those have short "
            "factors, and pruning passes over them: at the larger sizes it is shown too slow rather than too fast.",
            "How far HNSW searches was set on other people than those measured: the least that reaches the recall.",
        ]
