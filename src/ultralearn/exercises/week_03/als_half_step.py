"""Week 3: `als_half_step`."""

from typing import Any

import numpy as np

from ultralearn.practice import Declaration, Probe


def als_half_step(
    ratings: np.ndarray, rows: np.ndarray, cols: np.ndarray, n_rows: int, col_factors: np.ndarray, reg: float
) -> np.ndarray:
    """The best factors of one side, all rows at once, while the other
    side's stay as they are.

    ratings: (n,), centered. rows, cols: (n,), integers; a pair may occur
    twice, and then counts twice. col_factors: (n_cols, k). reg: positive,
    the same for every row. Returns row_factors, (n_rows, k): in row i the
    ridge solution for the ratings of row i on the factors of what it
    rated; zero for a row without ratings. Users are rows in one
    half-step, items in the next. Zhou et al. (2008), without their
    scaling of reg.
    """
    n_cols, k = col_factors.shape
    counts, totals = np.zeros((n_rows, n_cols)), np.zeros((n_rows, n_cols))
    np.add.at(counts, (rows, cols), 1.0)
    np.add.at(totals, (rows, cols), ratings)
    outer = col_factors[:, :, None] * col_factors[:, None, :]
    grams = (counts @ outer.reshape(n_cols, k * k)).reshape(n_rows, k, k)
    right = totals @ col_factors
    return np.linalg.solve(grams + reg * np.eye(k), right[:, :, None])[:, :, 0]


_half_step = als_half_step  # the name itself is bound to whatever is being checked


def _row_by_row(ratings, rows, cols, n_rows, col_factors, penalty, unrated=None):
    """The half-step as a loop, with `penalty(features)` in the place of reg I: what the wrong ones below vary."""
    result = np.zeros((n_rows, col_factors.shape[1]))
    for row in range(n_rows):
        features, targets = col_factors[cols[rows == row]], ratings[rows == row]
        gram = features.T @ features + penalty(features)
        result[row] = np.linalg.lstsq(gram, features.T @ targets, rcond=None)[0]
        if unrated is not None and not len(targets):
            result[row] = unrated
    return result


def _half(n: int, n_rows: int, n_cols: int, rank: int, reg: float, seed: int) -> dict[str, Any]:
    """Ratings with repeated rows, cols and pairs; the last row and one in the middle have none."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, n_rows - 1, n)
    rows[rows == n_rows // 2] = 0
    return {
        "ratings": rng.normal(size=n),
        "rows": rows,
        "cols": rng.integers(0, n_cols, n),
        "n_rows": n_rows,
        "col_factors": rng.normal(size=(n_cols, rank)),
        "reg": reg,
    }


declaration = Declaration(
    als_half_step,
    question="If the films' factors are fixed, what has one person's row to do with another's?",
    nudge="Each row is solve_ridge on the factors of what it rated. To do all rows at once: the sum over row "
    "i's columns of v v' is a matrix product of a 0/1 table (who rated what) with the table of all v "
    "v', flattened to k² columns.",
    probes=[
        Probe(
            "three ratings, three rows",
            lambda: {
                "ratings": np.array([1.0, -1.0, 0.5]),
                "rows": np.array([0, 0, 1]),
                "cols": np.array([0, 1, 1]),
                "n_rows": 3,
                "col_factors": np.array([[1.0, 0.5], [0.0, 2.0]]),
                "reg": 0.5,
            },
        ),
        Probe("12 ratings, pairs repeated", lambda: _half(12, 6, 3, 2, 0.3, 1)),
        Probe("40 ratings of 9 rows", lambda: _half(40, 9, 12, 3, 2.0, 2)),
        Probe("fewer ratings than factors", lambda: _half(10, 8, 5, 7, 1.0, 3)),
        Probe(
            "whole stars, some 0, nothing in row 0",
            lambda: {
                "ratings": np.array([1.0, 1.0, 0.0, -1.0, 0.0, 2.0]),
                "rows": np.array([1, 1, 1, 2, 2, 2]),
                "cols": np.array([1, 1, 2, 1, 1, 2]),
                "n_rows": 4,
                "col_factors": np.random.default_rng(5).normal(size=(4, 2)),
                "reg": 0.7,
            },
        ),
        Probe(
            "80,000 ratings of 943 users, 16 factors",
            lambda: _half(80_000, 943, 1682, 16, 15.0, 4),
            times=35,
        ),
    ],
)


@declaration.misconception
def reg_scaled_by_count(ratings, rows, cols, n_rows, col_factors, reg):
    """You scale reg by the number of ratings in the row. That is weighted ALS, and a fine model; here every row
    has the same reg, so that those with few ratings are held back most.
    """
    eye = np.eye(col_factors.shape[1])
    return _row_by_row(ratings, rows, cols, n_rows, col_factors, lambda features: reg * max(len(features), 1) * eye)


@declaration.misconception
def blanks_fitted_as_zero(ratings, rows, cols, n_rows, col_factors, reg):
    """Every row has the same X'X in yours, made from all of col_factors. Then the cells that nobody rated are
    fitted too, as zeros. Row i may only see the columns that it rated.
    """
    k = col_factors.shape[1]
    totals = np.zeros((n_rows, len(col_factors)))
    np.add.at(totals, (rows, cols), ratings)
    gram = col_factors.T @ col_factors + reg * np.eye(k)
    return np.linalg.solve(gram, (totals @ col_factors).T).T.copy()


@declaration.misconception
def repeated_pairs_counted_once(ratings, rows, cols, n_rows, col_factors, reg):
    """Where a pair occurs twice, you count one of them. `table[rows, cols] = ratings` overwrites; two ratings
    are two rows of the regression. In ml-100k no pair repeats, but in your own data one will.
    """
    table = {
        (row, col): rating for row, col, rating in zip(rows.tolist(), cols.tolist(), ratings.tolist(), strict=True)
    }
    pairs = np.array(list(table), dtype=np.int64)
    return _half_step(np.array(list(table.values())), pairs[:, 0], pairs[:, 1], n_rows, col_factors, reg)


@declaration.misconception
def as_many_rows_as_occur(ratings, rows, cols, n_rows, col_factors, reg):
    """Your result ends at the largest row that has a rating. n_rows says how many there are; those without
    ratings get zeros, or the next half-step will look up a row that does not exist.
    """
    return _half_step(ratings, rows, cols, int(rows.max()) + 1, col_factors, reg)


@declaration.misconception
def unrated_rows_get_the_mean(ratings, rows, cols, n_rows, col_factors, reg):
    """You give rows without ratings the mean of the others. Ridge regression with nothing to fit has one
    answer: the penalty alone decides, and it says zero, which predicts the baseline.
    """
    factors = _half_step(ratings, rows, cols, n_rows, col_factors, reg)
    rated = np.isin(np.arange(n_rows), rows)
    factors[~rated] = factors[rated].mean(axis=0)
    return factors


@declaration.misconception
def no_penalty_at_all(ratings, rows, cols, n_rows, col_factors, reg):
    """The penalty is missing: each row is fitted as closely as can be. A row with fewer ratings than factors
    then fits them perfectly, and predicts nonsense for the rest.
    """
    eye = np.eye(col_factors.shape[1])
    return _row_by_row(ratings, rows, cols, n_rows, col_factors, lambda features: 0 * eye)


@declaration.misconception
def penalty_spread_over_the_matrix(ratings, rows, cols, n_rows, col_factors, reg):
    """`grams + reg` adds reg to all k x k entries of every row's matrix. Only the diagonal gets it: reg times
    np.eye(k), which broadcasts over the rows.
    """
    full = np.ones((col_factors.shape[1],) * 2)
    return _row_by_row(ratings, rows, cols, n_rows, col_factors, lambda features: reg * full)


@declaration.misconception
def sums_instead_of_solutions(ratings, rows, cols, n_rows, col_factors, reg):
    """You return the right-hand sides X'y, row by row. They say in which direction the factors should go; the
    system with X'X + reg I says how far.
    """
    totals = np.zeros((n_rows, len(col_factors)))
    np.add.at(totals, (rows, cols), ratings)
    return totals @ col_factors


@declaration.misconception
def zeros_left_out(ratings, rows, cols, n_rows, col_factors, reg):
    """You leave out ratings that are 0. They are centered: a 0 is an opinion too, and belongs into X'X even though
    it adds nothing to X'y. Which cells were rated is in rows and cols.
    """
    given = ratings != 0
    return _half_step(ratings[given], rows[given], cols[given], n_rows, col_factors, reg)
