"""What curves of several methods have in common: a name at the end of each, in place of a legend."""

from collections.abc import Sequence

from matplotlib.axes import Axes


def label_ends(axes: Axes, labels: Sequence[tuple[float, str, object]]) -> None:
    """Write names right of the axes at the heights given, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.085
    ordered = sorted(labels, key=lambda label: label[0])
    for place, (_, name, color) in zip(spread([height for height, _, _ in ordered], gap), ordered, strict=True):
        axes.annotate(
            name,
            xy=(1.02, place),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            fontsize=10,
            color=color,
            annotation_clip=False,
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Heights, ascending, moved apart to at least `gap`; those that crowd spread evenly around their middle."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _places(groups[-1], gap)[0] - _places(groups[-2], gap)[-1] < gap:
            groups[-2:] = [groups[-2] + groups[-1]]
    return [place for group in groups for place in _places(group, gap)]


def _places(group: Sequence[float], gap: float) -> list[float]:
    middle = sum(group) / len(group)
    return [middle + (k - (len(group) - 1) / 2) * gap for k in range(len(group))]
