"""How one learns here: exercises that are checked, claims that are held, drills, cards and the log of it all."""

from ultralearn.practice.claims import claim
from ultralearn.practice.declaration import (
    Declaration,
    Probe,
    Property,
    Tolerance,
    gradient_reaches,
    no_gradient_reaches,
)
from ultralearn.practice.session import headless
from ultralearn.practice.week import Week

__all__ = [
    "Declaration",
    "Probe",
    "Property",
    "Tolerance",
    "Week",
    "claim",
    "gradient_reaches",
    "headless",
    "no_gradient_reaches",
]
