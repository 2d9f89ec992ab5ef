"""What may be said of fitted models, by the error in stars or by their lists: every sentence comes from the figures."""

from collections.abc import Callable, Iterator

from docutils import nodes

from benchmarks.report.plots import axes_in_words, plain, quality_plot, speed_headline, speed_plot
from benchmarks.report.results import CLEARLY, Measure, Results, Row, joined
from benchmarks.report.suite import Picture, Report, set_to
from ultralearn.publish.sphinx.tables import Cell, table


def _ahead(one: Row, other: Row, measure: Measure) -> bool:
    a, b = one.median(measure.name), other.median(measure.name)
    if measure.tie:
        return (a - b if measure.more_is_better else b - a) > measure.tie
    return (a / b if measure.more_is_better else b / a) > CLEARLY


def _shown(row: Row, measure: Measure) -> str:
    return f"{measure.show(row.median(measure.name))} {measure.unit}".strip()


def _number(row: Row, results: Results) -> str:
    return results.quality.show(row.median(results.quality.name))


def setting(row: Row) -> str:
    """A row's hyper-parameters, and how they were found."""
    if not row.params:
        return "as the library ships it"
    found = ", ".join(f"{name} {set_to(value)}" for name, value in row.params.items())
    if row.tuned is None:
        return f"{found}. Not tuned"
    ranges = "; ".join(f"{name} from {space}" for name, space in row.tuned["space"].items())
    effort = row.tuned.get("effort")
    choices = f"; {effort['name']} the cheapest of {', '.join(effort['scores'])} within half a tie" if effort else ""
    return f"{found}. Searched: {ranges}{choices}"


class ModelReport(Report):
    """Models that are fitted to the same ratings, and judged by their stars or by their lists."""

    def pictures(self) -> dict[str, Callable[[], Picture]]:
        """Quality against cost, and how fast they serve."""
        return {"plot": self._quality, "speed": self._speed}

    def _quality(self) -> Picture:
        results = self.results
        figure, left_out = quality_plot(results, self.headline())
        caption = f"The band is a tie with the best: {results.quality.tie:g} {results.quality.unit}".strip() + "."
        if left_out:
            named = [f"{row.name} ({results.quality.show(row.median(results.quality.name))})" for row in left_out]
            caption += f" Off the picture, far behind in {results.quality.title}: {joined(named)}."
        if outdone := results.outdone_at_home():
            named = [row.name for row in outdone]
            caption += f" Not drawn, for the same library does as well in less time: {joined(named)}."
        words = f"{plain(self.headline())}. {axes_in_words(results)}"
        return Picture(figure, f"{results.suite}-quality", words, caption)

    def _speed(self) -> Picture:
        results = self.results
        measure = results.measures[-1]
        figure = speed_plot(results, measure)
        words = f"{plain(speed_headline(results, measure))}. Bars, {measure.unit}; the table has the numbers."
        return Picture(figure, f"{results.suite}-{measure.name}", words)

    def settings(self) -> list[nodes.Node]:
        """Hyper-parameters, how they were found, and what fit is given."""
        rows: list[list[Cell]] = [[row.name, setting(row), row.data_format] for row in self.results.rows]
        headers = ["Contestant", "Hyper-parameters", "Given to fit"]
        return [table(headers, rows, [28, 52, 20], "ul-settings ul-stack")]

    def headline(self) -> str:
        """What the plot says, as its title."""
        results = self.results
        peers = len(results.of_kind("peer"))
        beaten = len(results.beaten())
        if beaten == peers:
            return "For every library row, one of ours\nis as good and no slower"
        return f"For {beaten} of {peers} library rows, one of ours\nis as good and no slower"

    def losses(self) -> list[str]:
        """Where a peer is ahead of ours, one sentence each: the better quality, and then the better times."""
        return [*self._lost_quality(), *self._lost_alike(), *self._lost_elsewhere()]

    def _lost_quality(self) -> Iterator[str]:
        results = self.results
        measure = results.quality
        own, peer = results.best("ours", measure), results.best("peer", measure)
        if not results.no_worse(own, peer):
            yield (
                f"The best {measure.title} here is that of {peer.name}: {_shown(peer, measure)}. "
                f"Of ours, {own.name} comes closest with {_shown(own, measure)}."
            )

    def _lost_alike(self) -> Iterator[str]:
        """Of rows of the same method and size, those in which a peer has the better figure in a column."""
        results = self.results
        for own in results.of_kind("ours"):
            for peer in results.of_kind("peer"):
                if own.like and own.like == peer.like:
                    for measure in results.measures:
                        if _ahead(peer, own, measure):
                            yield self._behind(own, peer, measure)

    def _lost_elsewhere(self) -> Iterator[str]:
        """Peers of another method or size that are as good as a model of ours, or better, and cheaper to fit."""
        results = self.results
        for own in results.of_kind("ours"):
            cheaper = [
                peer
                for peer in results.of_kind("peer")
                if not (own.like and own.like == peer.like)
                and results.no_worse(peer, own)
                and _ahead(peer, own, results.cost)
            ]
            if cheaper:
                first = min(cheaper, key=lambda peer: peer.median(results.cost.name))
                more = f" {len(cheaper) - 1} more rows do so too." if len(cheaper) > 2 else ""
                more = " One more row does so too." if len(cheaper) == 2 else more
                yield (
                    f"{first.name} is as good as our {own.name}, by another way and in less time: "
                    f"{self._both(first)} against {self._both(own)}.{more}"
                )

    def _behind(self, own: Row, peer: Row, measure: Measure) -> str:
        results = self.results
        if measure.tie:
            figures = f"{_shown(peer, measure)} against {_shown(own, measure)}"
            return f"{peer.name} has a better {measure.title} than our {own.name}: {figures}."
        a, b = own.median(measure.name), peer.median(measure.name)
        ratio = max(a / b, b / a)
        deed = "is fitted faster than" if measure == results.cost else "is ahead in " + measure.title.lower() + " of"
        figures = f"{_shown(peer, measure)} against {_shown(own, measure)}"
        text = f"{peer.name} {deed} our {own.name}, {ratio:.1f} times: {figures}"
        spread, mine = peer.measured[measure.name], own.measured[measure.name]
        if spread.max >= mine.min and mine.max >= spread.min:
            text += ", with ranges that overlap"
        return f"{text}; {results.quality.title} {_number(peer, results)} against {_number(own, results)}."

    def _both(self, row: Row) -> str:
        results = self.results
        return f"{results.quality.title} {_number(row, results)} in {_shown(row, results.cost)}"

    def setup(self) -> list[str]:
        """How it was measured: the machine, the rounds, the tuning."""
        results = self.results
        machine = results.machine
        tuned = sum(row.tuned is not None for row in results.rows)
        values = [row.measured[results.cost.name].values for row in results.rows]
        fewest = f", {min(values)} for what takes long" if min(values) < max(values) else ""
        return [
            f"{machine['cpu']}, {machine['cores']} cores, of which each contestant has "
            f"{results.threads if results.threads > 1 else 'one'}; {machine['system']} on {machine['architecture']}.",
            f"{len(results.rows)} contestants took turns over {results.rounds} rounds, the seed another in each round. "
            f"Times are medians of {max(values)} fits{fewest}; the least and the greatest stand beside them.",
            f"{tuned} rows are tuned: {results.trials} trials each, proposed by the same seeded sampler, judged on "
            "the same validation part.",
        ]
