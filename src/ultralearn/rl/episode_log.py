"""What a training run remembers: each episode's return, and how many environment steps had been taken by its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class EpisodeLog:
    """The finished episodes of one training run, in the order in which they were played."""

    def __init__(self) -> None:
        self.steps = 0
        self.returns: list[float] = []
        self.ended_at: list[int] = []
        self._running = 0.0  # the reward of an episode that the last batch left unfinished

    def add(self, rewards: np.ndarray | Sequence[float], episode_ends: np.ndarray | Sequence[bool]) -> None:
        """Add a flat batch of steps: rewards and ends, both (steps,). An episode may go on in the next batch."""
        if len(rewards) != len(episode_ends):
            raise ValueError(f"EpisodeLog.add: got {len(rewards)} rewards and {len(episode_ends)} ends.")
        earned = np.concatenate([[self._running], np.asarray(rewards, dtype=float)]).cumsum()
        last = np.flatnonzero(episode_ends)
        totals = earned[last + 1]
        self.returns.extend(np.diff(totals, prepend=0.0).tolist())
        self.ended_at.extend((self.steps + last + 1).tolist())
        self._running = float(earned[-1] - (totals[-1] if len(totals) else 0.0))
        self.steps += len(rewards)

    def recent(self, episodes: int = 100) -> float:
        """Mean return of the last `episodes` episodes; -infinity while there are fewer."""
        if len(self.returns) < episodes:
            return float("-inf")
        return float(np.mean(self.returns[-episodes:]))

    def curve(self, steps: np.ndarray, episodes: int = 100) -> np.ndarray:
        """Mean return of the last (up to) `episodes` episodes at each of `steps`; a run that stopped holds its value.

        Before the first episode has ended it is that episode's return.
        Raises ValueError where no episode has ended at all.
        """
        if not self.returns:
            raise ValueError("EpisodeLog.curve: no episode has ended yet.")
        totals = np.concatenate([[0.0], np.cumsum(self.returns)])
        until = np.maximum(np.searchsorted(self.ended_at, steps, side="right"), 1)
        since = np.maximum(until - episodes, 0)
        means: np.ndarray = (totals[until] - totals[since]) / (until - since)
        return means
