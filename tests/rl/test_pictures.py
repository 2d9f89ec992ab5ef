"""CartPole as a picture."""

import re
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ultralearn.rl import cartpole_animation, cartpole_strip


def swinging(steps=101):
    obs = np.zeros((steps, 4))
    obs[:, 0] = np.linspace(-1, 1, steps)
    obs[:, 2] = 0.2 * np.sin(np.linspace(0, 6, steps))
    return obs


def test_a_strip_shows_moments_from_the_first_to_the_last():
    figure = cartpole_strip(swinging(), moments=5, columns=3)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s", ""]
    carts = [axes.patches[0].get_x() + axes.patches[0].get_width() / 2 for axes in figure.axes[:5]]
    assert carts == pytest.approx([-1, -0.5, 0, 0.5, 1])
    poles = [axes.lines[1].get_xdata() for axes in figure.axes[:5]]
    assert (np.sign([tip - foot for foot, tip in poles]) == np.sign(swinging()[::25, 2])).all()
    plt.close(figure)


def test_an_animation_is_small_self_contained_and_well_formed():
    animation = cartpole_animation(swinging(500))
    html = animation._repr_html_()
    assert len(html) < 40_000
    assert not re.search(r"https?:|<script|url\(", html)
    svg = html[html.index("<svg") : html.index("</svg>") + 6]
    assert ET.fromstring(svg).get("role") == "img"
    assert html.count("@keyframes") == 2
    assert "prefers-reduced-motion" in html
    assert "10s linear infinite" in html  # 500 steps of 0.02 s
    assert "translate(-1.000px" in html
    assert "browser" in repr(animation)


def test_two_animations_on_a_page_do_not_meet():
    names = {re.search(r'class="(\S+)"', cartpole_animation(swinging(n)).html).group(1) for n in (50, 60)}
    assert len(names) == 2


def test_an_episode_of_one_step_can_be_drawn():
    assert "0.00%" in cartpole_animation(swinging(1)).html


@pytest.mark.parametrize("obs", [np.zeros((3, 6)), np.zeros(4), np.zeros((0, 4))])
def test_other_shapes_are_refused(obs):
    with pytest.raises(ValueError, match=r"\(steps, 4\); got"):
        cartpole_animation(obs)
    with pytest.raises(ValueError, match=r"\(steps, 4\); got"):
        cartpole_strip(obs)
