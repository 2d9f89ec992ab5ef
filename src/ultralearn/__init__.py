"""Ultralearn: the Ultralearning Plan for ML Engineers as an executable book."""


class UltralearnError(Exception):
    """The root of all that this package raises for what it was given: the message says what to do."""
