"""Week 6: what shipping takes: a name for a release, an exit, a bill, patience, and two ways to judge an answer."""

from ultralearn.exercises.week_06 import (
    ask_again,
    draining,
    keeps_contract,
    monthly_bill,
    percentile,
    release_name,
)
from ultralearn.exercises.week_06.ask_again import Clock
from ultralearn.exercises.week_06.draining import App, Door, Receive, Scope, Send
from ultralearn.exercises.week_06.keeps_contract import Answer
from ultralearn.exercises.week_06.monthly_bill import Tariff
from ultralearn.practice import Week

week = Week(
    6,
    [
        release_name.declaration,
        draining.declaration,
        monthly_bill.declaration,
        ask_again.declaration,
        keeps_contract.declaration,
        percentile.declaration,
    ],
)
exercise, hint = week.exercise, week.hint

__all__ = ["Answer", "App", "Clock", "Door", "Receive", "Scope", "Send", "Tariff", "exercise", "hint", "week"]
