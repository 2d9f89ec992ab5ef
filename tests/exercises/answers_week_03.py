"""Week 3: second solutions, misconceptions written another way, and mutants that change nothing."""

import numpy as np

# --- a second, independently written right solution for each exercise ---


def iterate(matrix, steps, start):
    direction = start / np.sqrt(start @ start)
    while steps > 0:
        image = matrix.dot(direction)
        direction = image / np.sqrt(np.sum(np.square(image)))
        steps = steps - 1
    return float(np.einsum("i,ij,j", direction, matrix, direction)), direction


def from_lapack(matrix, rank):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    return u[:, :rank], s[:rank], vt[:rank, :]


def offsets_by_bincount(residuals, groups, n_groups, reg):
    size = np.bincount(groups, minlength=n_groups)
    return np.bincount(groups, weights=residuals, minlength=n_groups) / (reg + size)


def loss_in_one_expression(ratings, users, items, user_factors, item_factors, reg):
    predictions = np.einsum("nk,nk->n", user_factors[users], item_factors[items])
    lengths = np.linalg.norm(user_factors) ** 2 + np.linalg.norm(item_factors) ** 2
    return float(np.sum((predictions - ratings) ** 2) + reg * lengths) / 2


def gradient_by_tables(ratings, users, items, user_factors, item_factors, reg):
    table = np.zeros((len(user_factors), len(item_factors)))
    predictions = user_factors @ item_factors.T
    np.add.at(table, (users, items), predictions[users, items] - ratings)
    return table @ item_factors + reg * user_factors, table.T @ user_factors + reg * item_factors


def ridge_by_extra_rows(features, targets, reg):
    k = features.shape[1]
    rows = np.vstack([features, np.sqrt(reg) * np.eye(k)])
    return np.linalg.lstsq(rows, np.concatenate([targets, np.zeros(k)]), rcond=None)[0]


def half_step_in_a_loop(ratings, rows, cols, n_rows, col_factors, reg):
    result = np.zeros((n_rows, col_factors.shape[1]))
    for row in set(rows.tolist()):
        mine = rows == row
        features = col_factors[cols[mine]]
        gram = reg * np.eye(features.shape[1]) + features.T @ features
        result[row] = np.linalg.inv(gram) @ features.T @ ratings[mine]
    return result


def pushed_by_roots(features, targets, prior_precision):
    half = features * prior_precision**-0.5
    system = half @ half.T
    system[np.diag_indices_from(system)] += 1
    return prior_precision**-0.5 * (half.T @ np.linalg.inv(system) @ targets)


SECOND = {
    "power_iteration": iterate,
    "truncated_svd": from_lapack,
    "shrunken_offsets": offsets_by_bincount,
    "rating_loss": loss_in_one_expression,
    "rating_gradient": gradient_by_tables,
    "solve_ridge": ridge_by_extra_rows,
    "als_half_step": half_step_in_a_loop,
    "push_through_solve": pushed_by_roots,
}

# --- misconceptions, written as somebody else would ---


def norm_of_the_image(matrix, steps, start):
    v = start.copy()
    sizes = []
    while len(sizes) < steps:
        v = matrix @ v
        sizes.append(np.sqrt(v @ v))
        v = v / sizes[-1]
    return sizes[-1], v


def powers_first(matrix, steps, start):
    with np.errstate(all="ignore"):
        v = start
        for step in range(steps):
            v = v @ matrix
            if step == steps - 1:
                v = v / np.sqrt(np.sum(v * v))
        return v.T @ matrix @ v, v


def from_ones(matrix, steps, start):
    v = np.full(matrix.shape[0], 1.0)
    while steps:
        v = matrix @ v
        v /= np.sqrt(v @ v)
        steps -= 1
    return v @ (matrix @ v), v


def svd_from_eigenvalues(matrix, rank):
    eigenvalues, vectors = np.linalg.eigh(matrix.T @ matrix)
    best = np.argsort(eigenvalues)[::-1][:rank]
    right = vectors[:, best]
    left = matrix @ right
    return left / np.sqrt(np.sum(left**2, axis=0)), eigenvalues[best], right.T


def svd_with_long_columns(matrix, rank):
    eigenvalues, vectors = np.linalg.eigh(matrix.T @ matrix)
    best = np.argsort(eigenvalues)[::-1][:rank]
    return matrix @ vectors[:, best], np.sqrt(eigenvalues[best]), vectors[:, best].T


def always_the_first_pair(matrix, rank):
    rng = np.random.default_rng(5)
    lefts, values, rights = [], [], []
    for _ in range(rank):
        v = rng.normal(size=matrix.shape[1])
        for _ in range(400):
            v = matrix.T @ (matrix @ v)
            v /= np.linalg.norm(v)
        values.append(np.linalg.norm(matrix @ v))
        lefts.append(matrix @ v / values[-1])
        rights.append(v)
    return np.array(lefts).T, np.array(values), np.array(rights)


def mean_of_each(residuals, groups, n_groups, reg):
    return np.array([residuals[groups == g].mean() if (groups == g).any() else 0.0 for g in range(n_groups)])


def assigned_in_place(residuals, groups, n_groups, reg):
    sums, sizes = np.zeros(n_groups), np.zeros(n_groups)
    for_each = np.arange(len(residuals))
    sums[groups] = sums[groups] + residuals[for_each]
    sizes[groups] = sizes[groups] + 1
    return sums / (sizes + reg)


def loss_per_rating(ratings, users, items, user_factors, item_factors, reg):
    predictions = (user_factors[users] * item_factors[items]).sum(axis=1)
    penalty = (user_factors**2).sum() + (item_factors**2).sum()
    return (((ratings - predictions) ** 2).mean() + reg * penalty) / 2


def loss_of_the_table(ratings, users, items, user_factors, item_factors, reg):
    errors = user_factors @ item_factors.T
    for rating, user, item in zip(ratings, users, items, strict=True):
        errors[user, item] -= rating
    return ((errors**2).sum() + reg * ((user_factors**2).sum() + (item_factors**2).sum())) / 2


def buffered_gradient(ratings, users, items, user_factors, item_factors, reg):
    e = np.einsum("nk,nk->n", user_factors[users], item_factors[items]) - ratings
    gu, gi = np.zeros_like(user_factors), np.zeros_like(item_factors)
    gu[users] = e[:, None] * item_factors[items]
    gi[items] = e[:, None] * user_factors[users]
    return gu + reg * user_factors, gi + reg * item_factors


def ascent(ratings, users, items, user_factors, item_factors, reg):
    table = np.zeros((len(user_factors), len(item_factors)))
    np.add.at(table, (users, items), ratings - (user_factors @ item_factors.T)[users, items])
    return table @ item_factors + reg * user_factors, table.T @ user_factors + reg * item_factors


def penalty_in_the_sum(ratings, users, items, user_factors, item_factors, reg):
    gu, gi = np.zeros_like(user_factors), np.zeros_like(item_factors)
    for rating, user, item in zip(ratings, users, items, strict=True):
        u, v = user_factors[user], item_factors[item]
        gu[user] += (u @ v - rating) * v + reg * u
        gi[item] += (u @ v - rating) * u + reg * v
    return gu, gi


def ridge_of_the_mean(features, targets, reg):
    n, k = features.shape
    return np.linalg.inv(features.T @ features / n + reg * np.eye(k)) @ (features.T @ targets) / n


def ridge_plus_number(features, targets, reg):
    matrix = features.T @ features
    matrix += reg
    return np.linalg.pinv(matrix) @ features.T @ targets


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


def interpolates(features, targets, prior_precision):
    inverse = np.diag(1 / prior_precision) if len(prior_precision) < 100 else None
    scaled = features @ inverse if inverse is not None else features / prior_precision
    return scaled.T @ np.linalg.pinv(scaled @ features.T) @ targets


def scaled_the_wrong_way(features, targets, prior_precision):
    scaled = features * prior_precision
    return scaled.T @ np.linalg.inv(np.eye(len(features)) + scaled @ features.T) @ targets


def same_rent_for_all(features, targets, prior_precision):
    reg = prior_precision[0]
    return features.T @ np.linalg.inv(reg * np.eye(len(features)) + features @ features.T) @ targets


VARIANTS = {
    "power_iteration": {
        "value_is_the_last_norm": norm_of_the_image,
        "normalized_only_at_the_end": powers_first,
        "ignored_the_start": from_ones,
    },
    "truncated_svd": {
        "values_not_rooted": svd_from_eigenvalues,
        "left_vectors_not_normalized": svd_with_long_columns,
        "forgot_to_deflate": always_the_first_pair,
    },
    "shrunken_offsets": {"plain_means": mean_of_each, "last_one_wins": assigned_in_place},
    "rating_loss": {"mean_error": loss_per_rating, "blanks_count_as_zero": loss_of_the_table},
    "rating_gradient": {
        "repeats_overwritten": buffered_gradient,
        "error_sign_flipped": ascent,
        "penalty_added_for_each_rating": penalty_in_the_sum,
    },
    "solve_ridge": {"penalty_scaled_by_rows": ridge_of_the_mean, "penalty_on_every_entry": ridge_plus_number},
    "als_half_step": {
        "reg_scaled_by_count": weighted_half_step,
        "blanks_fitted_as_zero": dense_half_step,
        "repeated_pairs_counted_once": last_of_each_pair,
    },
    "push_through_solve": {
        "identity_forgotten": interpolates,
        "precision_multiplied": scaled_the_wrong_way,
        "one_precision_for_all": same_rent_for_all,
    },
}

# --- mutants of the references that change nothing that anyone could see ---

EQUIVALENT = {
    "truncated_svd": {
        "0 → 1": "another seed is another random start, and all of them end at the same pairs",
        "np.linalg.norm(right - previous) > 1e-09 → np.linalg.norm(right - previous) >= 1e-09": (
            "the distance is never exactly 1e-9; stopping there or one step later changes nothing"
        ),
    },
}
