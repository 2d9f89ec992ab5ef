"""Project 2: reinforcement learning from scratch. So far: what REINFORCE needs."""

from ultralearn.rl.curves import plot_learning_curves
from ultralearn.rl.episode_log import EpisodeLog
from ultralearn.rl.pictures import cartpole_animation, cartpole_strip
from ultralearn.rl.rollouts import Batch, collect_episodes, make_envs

__all__ = [
    "Batch",
    "EpisodeLog",
    "cartpole_animation",
    "cartpole_strip",
    "collect_episodes",
    "make_envs",
    "plot_learning_curves",
]
