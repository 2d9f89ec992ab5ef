"""Contestants that need no library, for the tests of the harness."""

import time

import numpy as np


class Sound:
    data_format = "columns"

    def prepare(self, train):
        self.train = train

    def fit(self, seed, level=0.0, **params):
        print("a library that prints")  # must not be taken for an answer
        self.level = level + 0 * seed

    def predict(self, users, items):
        return np.full(len(users), self.level)


class Broken(Sound):
    def fit(self, seed, **params):
        raise RuntimeError("no convergence")


class Dying(Sound):
    def fit(self, seed, **params):
        raise SystemExit(3)


class TwoThreads(Sound):
    """Says to have used more CPU seconds than passed, as one with two threads does."""

    def fit(self, seed, **params):
        start = time.process_time()
        real = time.perf_counter
        while time.process_time() - start < 0.2:
            pass
        began = real()
        time.perf_counter = lambda: began - 0.1  # restored with the process
