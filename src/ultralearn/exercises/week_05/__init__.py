"""Week 5: a service, piece by piece: what may come in, the k best, somebody new, ready or not, and the swap."""

from ultralearn.exercises.week_05 import (
    fold_in_router,
    health_router,
    recommend_request,
    swap_model,
    top_k,
)
from ultralearn.exercises.week_05.health_router import Life
from ultralearn.exercises.week_05.swap_model import Holder, Serving
from ultralearn.practice import Week

week = Week(
    5,
    [
        recommend_request.declaration,
        top_k.declaration,
        fold_in_router.declaration,
        health_router.declaration,
        swap_model.declaration,
    ],
)
exercise, hint = week.exercise, week.hint

__all__ = ["Holder", "Life", "Serving", "exercise", "hint", "week"]
