"""Whole episodes from many environments at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from ultralearn.rl.cartpole import CartPoles

Envs = VectorEnv[Any, Any, Any]
ChooseActions = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Batch:
    """Steps of one or more episodes, laid end to end.

    What a network reads is a tensor: `obs`, (steps, obs_dim), float32, and `actions`, (steps,), int64. What is
    counted is an array: `rewards`, (steps,), float64, and `episode_ends`, (steps,), bool: terminated or truncated.
    Raises ValueError where the lengths differ.
    """

    obs: Tensor
    actions: Tensor
    rewards: np.ndarray
    episode_ends: np.ndarray

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        lengths = {
            "obs": len(self.obs),
            "actions": len(self.actions),
            "rewards": len(self.rewards),
            "episode_ends": len(self.episode_ends),
        }
        if len(set(lengths.values())) > 1:
            given = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"Batch: got {given} steps; each part needs one entry a step.")

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.rewards)


def make_envs(name: str, count: int) -> Envs:
    """Return `count` copies of an environment that step together, with Gymnasium's own time limit.

    CartPole has a vectorized version that steps all copies in one NumPy expression; the others step in a loop.
    Raises ValueError for a name that Gymnasium does not know, or whose actions are not discrete.
    """
    if count < 1:
        raise ValueError(f"make_envs: got count={count}, expected at least 1.")
    try:
        spec = gym.spec(name)
        if native := spec.vector_entry_point is not None and name.startswith("CartPole"):
            spec = replace(spec, vector_entry_point=cast(Any, CartPoles))
        envs: Envs = gym.make_vec(spec, count, vectorization_mode="vector_entry_point" if native else "sync")
    except gym.error.Error as error:
        raise ValueError(f"make_envs: Gymnasium makes no environment {name!r}: {error}") from error
    if not isinstance(envs.single_action_space, gym.spaces.Discrete):
        raise ValueError(f"make_envs: {name} has the actions {envs.single_action_space}, expected discrete ones.")
    return envs


def collect_episodes(envs: Envs, choose_actions: ChooseActions, seed: int | None = None) -> Batch:
    """Play one whole episode in each environment, and lay the episodes end to end.

    `choose_actions` maps observations, (envs, obs_dim), to actions, (envs,). `seed` seeds the environments' own
    randomness; None goes on with it. An environment whose episode is over idles until the last one is done: after
    an end, Gymnasium's next step is a reset that ignores its action (autoreset mode "next step"), and neither it nor
    what follows is recorded. Cutting all environments off after so many steps instead would prefer short episodes.
    """
    if envs.metadata.get("autoreset_mode") == AutoresetMode.DISABLED:
        raise ValueError("collect_episodes: the environments never reset themselves; make them with make_envs.")
    obs, _ = envs.reset(seed=seed)
    playing = np.ones(envs.num_envs, dtype=bool)
    rows: list[tuple[np.ndarray, ...]] = []
    while playing.any():
        actions = choose_actions(obs)
        next_obs, rewards, terminated, truncated, _ = envs.step(actions)
        ends = terminated | truncated
        rows.append((obs, actions, rewards, ends, playing))
        obs, playing = next_obs.copy(), playing & ~ends
    columns = [np.stack(column, axis=1) for column in zip(*rows, strict=True)]  # each (envs, steps, ...)
    recorded = columns.pop()
    obs, actions, rewards, ends = (column[recorded] for column in columns)
    return Batch(
        obs=torch.as_tensor(obs, dtype=torch.float32),
        actions=torch.as_tensor(actions, dtype=torch.int64),
        rewards=rewards.astype(np.float64),
        episode_ends=ends,
    )
