"""Week 3: the linear algebra behind matrix factorization."""

from ultralearn.exercises.week_03 import (
    als_half_step,
    power_iteration,
    push_through_solve,
    rating_gradient,
    rating_loss,
    shrunken_offsets,
    solve_ridge,
    truncated_svd,
)
from ultralearn.practice import Week

week = Week(
    3,
    [
        power_iteration.declaration,
        truncated_svd.declaration,
        rating_loss.declaration,
        rating_gradient.declaration,
        shrunken_offsets.declaration,
        solve_ridge.declaration,
        als_half_step.declaration,
        push_through_solve.declaration,
    ],
)
exercise, hint = week.exercise, week.hint
