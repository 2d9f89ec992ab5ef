"""Project 2: reinforcement learning from scratch. So far: what REINFORCE needs."""

from pathlib import Path

from ultralearn.rl.curves import plot_learning_curves
from ultralearn.rl.episode_log import EpisodeLog
from ultralearn.rl.pictures import cartpole_animation, cartpole_strip
from ultralearn.rl.rollouts import Batch, collect_episodes, make_envs

# The log of four drills of `reinforce_step`, made up for the book; a learner's own takes its place.
SAMPLE_DRILLS = Path(__file__).with_name("sample_drills.jsonl")

__all__ = [
    "SAMPLE_DRILLS",
    "Batch",
    "EpisodeLog",
    "cartpole_animation",
    "cartpole_strip",
    "collect_episodes",
    "make_envs",
    "plot_learning_curves",
]
