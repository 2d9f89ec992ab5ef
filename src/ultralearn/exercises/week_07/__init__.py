"""Week 7: REINFORCE three times."""

from ultralearn.exercises.week_07 import (
    advantages_with_baseline,
    categorical_sample,
    discounted_returns,
    episode_lengths,
    policy_gradient_loss,
    reinforce_step,
    reward_to_go,
    softmax_log_prob_gradient,
)
from ultralearn.exercises.week_07.reinforce_step import (
    baseline_not_detached,
    returns_run_across_episodes,
    returns_start_one_late,
    silently_broadcast,
    summed_loss,
)
from ultralearn.practice import Week

week = Week(
    7,
    [
        episode_lengths.declaration,
        categorical_sample.declaration,
        discounted_returns.declaration,
        softmax_log_prob_gradient.declaration,
        policy_gradient_loss.declaration,
        reward_to_go.declaration,
        advantages_with_baseline.declaration,
        reinforce_step.declaration,
    ],
)
exercise, hint = week.exercise, week.hint

__all__ = [
    "baseline_not_detached",
    "exercise",
    "hint",
    "returns_run_across_episodes",
    "returns_start_one_late",
    "silently_broadcast",
    "summed_loss",
    "week",
]
