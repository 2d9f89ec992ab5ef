import numpy as np


def half_step_in_a_loop(ratings, rows, cols, n_rows, col_factors, reg):
    result = np.zeros((n_rows, col_factors.shape[1]))
    for row in set(rows.tolist()):
        mine = rows == row
        features = col_factors[cols[mine]]
        gram = reg * np.eye(features.shape[1]) + features.T @ features
        result[row] = np.linalg.inv(gram) @ features.T @ ratings[mine]
    return result


def weighted_half_step(ratings, rows, cols, n_rows, col_factors, reg):
    result = np.zeros((n_rows, col_factors.shape[1]))
    for row in range(n_rows):
        x, y = col_factors[cols[rows == row]], ratings[rows == row]
        if len(y):
            result[row] = np.linalg.solve(x.T @ x + reg * len(y) * np.eye(x.shape[1]), x.T @ y)
    return result


def dense_half_step(ratings, rows, cols, n_rows, col_factors, reg):
    table = np.zeros((n_rows, len(col_factors)))
    for rating, row, col in zip(ratings, rows, cols, strict=True):
        table[row, col] += rating
    inverse = np.linalg.inv(col_factors.T @ col_factors + reg * np.eye(col_factors.shape[1]))
    return table @ col_factors @ inverse


def last_of_each_pair(ratings, rows, cols, n_rows, col_factors, reg):
    n_cols, k = col_factors.shape
    seen, table = np.zeros((n_rows, n_cols)), np.zeros((n_rows, n_cols))
    seen[rows, cols] = 1.0
    table[rows, cols] = ratings
    grams = np.einsum("rc,ci,cj->rij", seen, col_factors, col_factors, optimize=True) + reg * np.eye(k)
    return np.linalg.solve(grams, (table @ col_factors)[..., None])[..., 0]


SECOND = half_step_in_a_loop
VARIANTS = {
    "reg_scaled_by_count": weighted_half_step,
    "blanks_fitted_as_zero": dense_half_step,
    "repeated_pairs_counted_once": last_of_each_pair,
}
EQUIVALENT: dict[str, str] = {}
