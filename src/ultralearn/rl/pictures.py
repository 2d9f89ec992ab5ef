"""CartPole as a picture: a strip of moments, or an animation that needs no script and nothing from outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

SECONDS_PER_STEP = 0.02
TRACK = 2.4  # meters from the middle: further out the episode ends
CART = (0.5, 0.26)  # meters; drawn larger than life
POLE = 1.0  # meters
CART_COLOR, POLE_COLOR, TRACK_COLOR = "#1b8a8f", "#cf6a1e", "#8a9199"


def draw_cartpole(axes: Axes, position: float, angle: float) -> None:
    """Draw one moment: the cart's position in meters, the pole's angle in radians (positive leans right)."""
    width, height = CART
    axes.plot([-TRACK, TRACK], [0, 0], color=TRACK_COLOR, linewidth=1.2, linestyle="-")
    axes.add_patch(Rectangle((position - width / 2, 0), width, height, color=CART_COLOR))
    tip = position + POLE * np.sin(angle), height + POLE * np.cos(angle)
    axes.plot([position, tip[0]], [height, tip[1]], color=POLE_COLOR, linewidth=3, linestyle="-")
    axes.set_xlim(-TRACK - 0.1, TRACK + 0.1)
    axes.set_ylim(-0.15, POLE + height + 0.1)
    axes.set_aspect("equal")
    axes.axis("off")


def cartpole_strip(obs: np.ndarray, moments: int = 6, columns: int = 3) -> Figure:
    """Draw moments of an episode, evenly spaced from its first step to its last, as small pictures with their times.

    obs: (steps, 4), CartPole's observations. Raises ValueError for another shape.
    """
    states = _checked(obs)
    chosen = np.linspace(0, len(states) - 1, moments).round().astype(int)
    rows = -(-moments // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(5.2, 1.25 * rows + 0.4), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, step in zip(grid.flat, chosen, strict=False):
        draw_cartpole(axes, states[step, 0], states[step, 2])
        axes.set_title(f"{step * SECONDS_PER_STEP:.1f} s", fontsize=10, fontweight="normal", loc="center", pad=2)
    return figure


@dataclass(frozen=True)
class Animation:
    """An animation that a notebook and a static page show as it is."""

    html: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        """Say what a place without HTML cannot show."""
        return "An animation of CartPole; open this page in a browser to see it move."


def cartpole_animation(obs: np.ndarray, every: int = 4) -> Animation:
    """Animate an episode in real time, over and over: SVG and CSS, with a box to pause it.

    obs: (steps, 4), CartPole's observations; each `every`-th is a key frame. It stands still for readers who ask
    their system for less motion. Raises ValueError for another shape.
    """
    states = _checked(obs)[::every]
    name = "cartpole-" + hashlib.sha256(states.round(3).tobytes()).hexdigest()[:8]
    seconds = max(len(states) * every * SECONDS_PER_STEP, 0.1)
    percent = 100 * np.arange(len(states)) / max(len(states) - 1, 1)
    moves = "".join(f"{p:.2f}%{{transform:translate({x:.3f}px,0)}}" for p, x in zip(percent, states[:, 0], strict=True))
    leans = "".join(
        f"{p:.2f}%{{transform:rotate({angle:.2f}deg)}}"
        for p, angle in zip(percent, np.degrees(states[:, 2]), strict=True)
    )
    width, height = CART
    edge = TRACK + 0.1
    forever = f"{seconds:g}s linear infinite"
    return Animation(
        f"""<figure class="{name}" style="margin:0;max-width:560px">
<style>
@keyframes {name}-moves {{{moves}}}
@keyframes {name}-leans {{{leans}}}
.{name} .cart {{transform:translate({states[0, 0]:.3f}px,0);animation:{name}-moves {forever}}}
.{name} .pole {{transform:rotate({np.degrees(states[0, 2]):.2f}deg);animation:{name}-leans {forever}}}
.{name}:has(input:checked) g {{animation-play-state:paused}}
@media (prefers-reduced-motion: reduce) {{.{name} g {{animation:none !important}}}}
</style>
<svg viewBox="{-edge} {-POLE - height - 0.15} {2 * edge} {POLE + height + 0.3}" width="100%" role="img"
 aria-label="A cart moves a little left and right and keeps the pole on it upright.">
<path d="M{-TRACK} 0H{TRACK}M{-TRACK} -.1V.1M{TRACK} -.1V.1" stroke="{TRACK_COLOR}" stroke-width="0.025" fill="none"/>
<g class="cart"><rect x="{-width / 2}" y="{-height}" width="{width}" height="{height}" rx="0.04" fill="{CART_COLOR}"/>
<g transform="translate(0,{-height})"><g class="pole">
<line y2="{-POLE}" stroke="{POLE_COLOR}" stroke-width="0.08" stroke-linecap="round"/></g></g></g>
</svg>
<label style="font-size:0.85em"><input type="checkbox"> pause</label>
</figure>"""
    )


def _checked(obs: np.ndarray) -> np.ndarray:
    states = np.asarray(obs, dtype=float)
    if states.ndim != 2 or states.shape[1] != 4 or len(states) == 0:
        raise ValueError(f"CartPole's observations have the shape (steps, 4); got {states.shape}.")
    return states
