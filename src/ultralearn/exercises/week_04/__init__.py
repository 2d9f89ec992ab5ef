"""Week 4: collaborative filtering, from two offsets to a Gibbs sampler."""

from ultralearn.exercises.week_04 import (
    bias_prediction,
    ease_weights,
    fold_in_user,
    gibbs_user_step,
    ials_half_step,
    mf_training_step,
    ndcg_at_k,
    recall_at_k,
)
from ultralearn.practice import Week

week = Week(
    4,
    [
        bias_prediction.declaration,
        mf_training_step.declaration,
        ndcg_at_k.declaration,
        recall_at_k.declaration,
        ials_half_step.declaration,
        ease_weights.declaration,
        fold_in_user.declaration,
        gibbs_user_step.declaration,
    ],
)
exercise, hint = week.exercise, week.hint
