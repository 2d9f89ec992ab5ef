"""Week 4: second solutions, misconceptions written another way, and mutants that change nothing."""

import warnings

import numpy as np
import torch
from torch import nn

# --- a second, independently written right solution for each exercise ---


def biases_by_embedding(users, items, global_mean, user_bias, item_bias):
    of_users = nn.functional.embedding(users, user_bias.unsqueeze(1))
    of_items = nn.functional.embedding(items, item_bias.unsqueeze(1))
    return torch.cat([of_users, of_items], dim=1).sum(dim=1).add(global_mean)


def step_as_in_the_manual(model, optimizer, users, items, ratings):
    model.train()
    model.zero_grad()
    predictions = model(users, items)
    loss = nn.functional.mse_loss(predictions, ratings)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def ndcg_person_by_person(recommended, relevant, k):
    result = np.full(len(recommended), np.nan)
    for person, liked in enumerate(relevant):
        wanted = set(np.flatnonzero(liked).tolist())
        if wanted:
            shown = recommended[person, :k].tolist()
            gain = sum(1 / np.log2(rank + 1) for rank, item in enumerate(shown, start=1) if item in wanted)
            result[person] = gain / sum(1 / np.log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
    return result


def recall_by_marking(recommended, relevant, k):
    n_users, n_items = relevant.shape
    shown = np.zeros((n_users, n_items + 1), dtype=bool)  # the last column takes the -1
    shown[np.arange(n_users)[:, None], recommended[:, :k]] = True
    with np.errstate(invalid="ignore"):
        return (shown[:, :-1] & relevant).sum(axis=1) / relevant.sum(axis=1)


def all_systems_at_once(interactions, item_factors, alpha, reg):
    n_items, k = item_factors.shape
    seen = (interactions.toarray() > 0).astype(float)
    products = np.einsum("ia,ib->iab", item_factors, item_factors).reshape(n_items, k * k)
    systems = (products.sum(axis=0) + alpha * seen @ products).reshape(-1, k, k) + reg * np.eye(k)
    return (1 + alpha) * np.linalg.solve(systems, (seen @ item_factors)[..., None])[..., 0]


def item_by_item(interactions, reg):
    """Each column by itself, as its own ridge regression on all the other items, by block inversion of one inverse."""
    seen = interactions.toarray()
    seen[seen != 0] = 1
    gram = seen.T @ seen
    gram[np.diag_indices_from(gram)] += reg
    if len(gram) > 50:
        weights = np.linalg.solve(gram, np.eye(len(gram)))
        weights = weights / -weights.diagonal()[None, :]
        weights[np.diag_indices_from(weights)] = 0
        return weights
    weights = np.zeros_like(gram)
    for item in range(len(gram)):
        others = np.arange(len(gram)) != item
        weights[others, item] = np.linalg.solve(gram[np.ix_(others, others)], gram[others, item])
    return weights


def newcomer_by_extra_rows(item_factors, items, alpha, reg):
    """The weighted ridge regression over all items as a plain one, by rows scaled with the roots of the weights."""
    n_items, k = item_factors.shape
    weights, targets = np.ones(n_items), np.zeros(n_items)
    weights[items], targets[items] = 1 + alpha, 1.0
    root = np.sqrt(weights)
    rows = np.vstack([root[:, None] * item_factors, np.sqrt(reg) * np.eye(k)])
    return np.linalg.lstsq(rows, np.concatenate([root * targets, np.zeros(k)]), rcond=None)[0]


def draw_by_eigenvectors(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    precision = prior_precision + noise_precision * torch.einsum("na,nb->ab", item_factors, item_factors)
    values, vectors = torch.linalg.eigh(precision)
    error = ratings - item_factors @ prior_mean
    shift = vectors @ ((vectors.T @ (noise_precision * item_factors.T @ error)) / values)
    standard = torch.empty(len(values)).normal_(generator=generator)
    return prior_mean + shift + vectors @ (standard / values.sqrt())


SECOND = {
    "bias_prediction": biases_by_embedding,
    "mf_training_step": step_as_in_the_manual,
    "ndcg_at_k": ndcg_person_by_person,
    "recall_at_k": recall_by_marking,
    "ials_half_step": all_systems_at_once,
    "ease_weights": item_by_item,
    "fold_in_user": newcomer_by_extra_rows,
    "gibbs_user_step": draw_by_eigenvectors,
}

# --- misconceptions, written as somebody else would ---


def numbers_without_a_past(users, items, global_mean, user_bias, item_bias):
    with torch.no_grad():
        return torch.stack([global_mean + user_bias[u] + item_bias[i] for u, i in zip(users, items, strict=True)])


def outer_sum(users, items, global_mean, user_bias, item_bias):
    of_users, of_items = user_bias[users].reshape(-1, 1), item_bias[items].reshape(1, -1)
    return of_users + of_items + global_mean


def bounded(users, items, global_mean, user_bias, item_bias):
    predictions = item_bias[items] + user_bias[users] + global_mean
    return torch.minimum(torch.maximum(predictions, torch.ones_like(predictions)), 5 * torch.ones_like(predictions))


def accumulating(model, optimizer, users, items, ratings):
    loss = nn.functional.mse_loss(model(users, items), ratings)
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss)


def sum_of_squares(model, optimizer, users, items, ratings):
    loss = nn.MSELoss(reduction="sum")(model(users, items), ratings)
    model.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def backward_comes_last(model, optimizer, users, items, ratings):
    loss = nn.functional.mse_loss(model(users, items), ratings)
    optimizer.zero_grad(set_to_none=True)
    optimizer.step()
    loss.backward()
    return loss.item()


def detached_but_a_tensor(model, optimizer, users, items, ratings):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(users, items), ratings)
    loss.backward()
    optimizer.step()
    return loss.detach()


def ndcg_of_a_full_list(recommended, relevant, k):
    result, best = [], sum(1 / np.log2(place + 2) for place in range(k))
    for shown, liked in zip(recommended, relevant, strict=True):
        gain = sum(1 / np.log2(place + 2) for place in range(k) if shown[place] >= 0 and liked[shown[place]])
        result.append(gain / best if liked.any() else np.nan)
    return np.array(result)


def ndcg_that_counts_from_the_end(recommended, relevant, k):
    rows = np.arange(len(relevant))[:, None]
    hits = relevant[rows, recommended[:, :k]]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    result = np.full(len(relevant), np.nan)
    for row in np.flatnonzero(relevant.any(axis=1)):
        result[row] = hits[row] @ discounts / discounts[: min(k, relevant[row].sum())].sum()
    return result


def ndcg_zero_for_nobody(recommended, relevant, k):
    result = np.zeros(len(recommended))
    for row, liked in enumerate(relevant):
        gains = [1 / np.log2(place + 2) for place, item in enumerate(recommended[row, :k]) if item >= 0 and liked[item]]
        best = [1 / np.log2(place + 2) for place in range(min(k, liked.sum()))]
        result[row] = sum(gains) / sum(best) if best else 0.0
    return result


def recall_that_is_precision(recommended, relevant, k):
    result = []
    for shown, liked in zip(recommended.tolist(), relevant, strict=True):
        found = len(set(shown[:k]) & set(np.flatnonzero(liked).tolist()))
        result.append(found / k if liked.any() else np.nan)
    return np.array(result)


def recall_of_nobody(recommended, relevant, k):
    result = []
    for shown, liked in zip(recommended.tolist(), relevant, strict=True):
        wanted = set(np.flatnonzero(liked).tolist())
        result.append(len(set(shown[:k]) & wanted) / max(len(wanted), 1))
    return np.array(result)


def recall_that_fits(recommended, relevant, k):
    result = []
    for shown, liked in zip(recommended.tolist(), relevant, strict=True):
        wanted = set(np.flatnonzero(liked).tolist())
        result.append(len(set(shown[:k]) & wanted) / min(len(wanted), k) if wanted else np.nan)
    return np.array(result)


def confidence_of_the_paper(interactions, item_factors, alpha, reg):
    n_users, k = interactions.shape[0], item_factors.shape[1]
    result = np.zeros((n_users, k))
    for user, row in enumerate(interactions.toarray()):
        confidence = 1 + alpha * row
        left = (item_factors.T * confidence) @ item_factors + reg * np.eye(k)
        result[user] = np.linalg.inv(left) @ item_factors.T @ (confidence * (row > 0))
    return result


def only_the_seen(interactions, item_factors, alpha, reg):
    result = []
    for row in interactions.toarray() > 0:
        mine = item_factors[row]
        left = (1 + alpha) * mine.T @ mine
        left[np.diag_indices_from(left)] += reg
        result.append(np.linalg.solve(left, (1 + alpha) * mine.sum(axis=0)))
    return np.array(result)


def alpha_for_one_plus_alpha(interactions, item_factors, alpha, reg):
    k = item_factors.shape[1]
    seen = (interactions.toarray() > 0) * 1.0
    result = np.zeros((len(seen), k))
    for user, row in enumerate(seen):
        left = item_factors.T @ item_factors + (item_factors.T * (alpha * row)) @ item_factors + reg * np.eye(k)
        result[user] = np.linalg.solve(left, item_factors.T @ (alpha * row))
    return result


def binarized_where_it_lies(interactions, item_factors, alpha, reg):
    interactions.data = np.ones_like(interactions.data)
    return all_systems_at_once(interactions, item_factors, alpha, reg)


def ease_by_rows(interactions, reg):
    seen = interactions.toarray()
    seen[seen != 0] = 1
    inverse = np.linalg.inv(seen.T @ seen + reg * np.eye(seen.shape[1]))
    return np.array([-row / row[i] for i, row in enumerate(inverse)]) * (1 - np.eye(len(inverse)))


def ease_then_zeros(interactions, reg):
    seen = interactions.astype(bool).astype(float)
    gram = (seen.T @ seen).toarray()
    weights = np.linalg.solve(gram + reg * np.eye(len(gram)), gram)
    np.fill_diagonal(weights, 0)
    return weights


def ease_of_stars(interactions, reg):
    gram = (interactions.T @ interactions).toarray()
    inverse = np.linalg.inv(gram + np.diag(np.full(len(gram), reg)))
    weights = inverse / -inverse.diagonal()
    np.fill_diagonal(weights, 0)
    return weights


def ease_of_bools(interactions, reg):
    seen = interactions.astype(bool)
    gram = (seen.T @ seen).toarray().astype(float)
    inverse = np.linalg.inv(gram + reg * np.eye(len(gram)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def newcomer_without_blanks(item_factors, items, alpha, reg):
    left = reg * np.eye(item_factors.shape[1])
    right = np.zeros(item_factors.shape[1])
    for item in items:
        left += (1 + alpha) * np.outer(item_factors[item], item_factors[item])
        right += (1 + alpha) * item_factors[item]
    return np.linalg.inv(left) @ right


def newcomer_with_alpha_only(item_factors, items, alpha, reg):
    chosen = np.zeros(len(item_factors))
    chosen[items] = 1.0
    left = (item_factors.T * (1 + alpha * chosen)) @ item_factors + reg * np.eye(item_factors.shape[1])
    return np.linalg.inv(left) @ (item_factors.T @ (alpha * chosen))


def average_of_the_seen(item_factors, items, alpha, reg):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.mean(item_factors[items], axis=0)


def ridge_and_no_draw(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    lower = torch.linalg.cholesky(prior_precision + noise_precision * item_factors.T @ item_factors)
    pull = prior_precision @ prior_mean + noise_precision * ratings @ item_factors
    return torch.cholesky_solve(pull.unsqueeze(1), lower).squeeze(1)


def another_source(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    covariance = torch.linalg.inv(prior_precision + noise_precision * item_factors.T @ item_factors)
    mean = covariance @ (prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings)
    return torch.distributions.MultivariateNormal(mean, (covariance + covariance.T) / 2, validate_args=False).sample()


def covariance_times_noise(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    covariance = torch.linalg.inv(prior_precision + noise_precision * item_factors.T @ item_factors)
    mean = covariance @ (prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings)
    return mean + covariance @ torch.randn(len(mean), generator=generator)


def lower_in_place_of_upper(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    lower = torch.linalg.cholesky(prior_precision + noise_precision * item_factors.T @ item_factors)
    pull = prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings
    noise = torch.randn(len(pull), 1, generator=generator)
    drawn = torch.cholesky_solve(pull[:, None], lower) + torch.linalg.solve_triangular(lower, noise, upper=False)
    return drawn[:, 0]


def prior_around_zero(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    covariance = torch.linalg.inv(prior_precision + noise_precision * item_factors.T @ item_factors)
    root = torch.linalg.cholesky((covariance + covariance.T) / 2)
    mean = noise_precision * covariance @ item_factors.T @ ratings
    return mean + root @ torch.randn(len(mean), generator=generator)


VARIANTS = {
    "bias_prediction": {
        "gradient_cut": numbers_without_a_past,
        "a_table_of_all_pairs": outer_sum,
        "clipped_to_stars": bounded,
    },
    "mf_training_step": {
        "stale_gradients": accumulating,
        "summed_over_the_batch": sum_of_squares,
        "cleared_before_the_step": backward_comes_last,
        "loss_stays_a_tensor": detached_but_a_tensor,
    },
    "ndcg_at_k": {
        "ideal_of_a_full_list": ndcg_of_a_full_list,
        "minus_one_is_the_last_item": ndcg_that_counts_from_the_end,
        "nothing_relevant_is_zero": ndcg_zero_for_nobody,
    },
    "recall_at_k": {
        "share_of_the_list": recall_that_is_precision,
        "nobody_to_please_is_zero": recall_of_nobody,
        "share_of_what_fits": recall_that_fits,
    },
    "ials_half_step": {
        "stars_as_confidence": confidence_of_the_paper,
        "blanks_left_out": only_the_seen,
        "right_side_without_the_one": alpha_for_one_plus_alpha,
        "stars_overwritten": binarized_where_it_lies,
    },
    "ease_weights": {
        "divided_along_the_rows": ease_by_rows,
        "diagonal_zeroed_at_the_end": ease_then_zeros,
        "stars_multiplied": ease_of_stars,
        "counts_of_truth_values": ease_of_bools,
    },
    "fold_in_user": {
        "only_what_was_seen": newcomer_without_blanks,
        "right_side_has_alpha": newcomer_with_alpha_only,
        "middle_of_what_was_seen": average_of_the_seen,
    },
    "gibbs_user_step": {
        "always_the_mean": ridge_and_no_draw,
        "its_own_randomness": another_source,
        "noise_times_the_covariance": covariance_times_noise,
        "wrong_triangle": lower_in_place_of_upper,
        "prior_mean_left_out": prior_around_zero,
    },
}

# --- mutants of the references that change nothing that anyone could see ---

AXIS = (
    "np.take_along_axis(relevant, top, axis=1) → np.take_along_axis(relevant, top)",
    "NumPy takes the last axis where none is given, and that is axis 1",
)

EQUIVALENT = {
    "ndcg_at_k": {
        AXIS[0]: AXIS[1],
        "1 → 2": "every gain is twice as large, the ideal one too: the ratio is the same",
    },
    "recall_at_k": {
        AXIS[0]: AXIS[1],
        "n_relevant > 0 → n_relevant >= 0": "0 / 0 is NaN as well; only NumPy's warning is new",
    },
    "gibbs_user_step": {
        "torch.randn(mean.shape, generator=generator, dtype=mean.dtype) → "
        "torch.randn(mean.shape, generator=generator)": "float32, which is promised, is torch's default",
        "mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise) → "
        "mean - torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)": "a normal distribution is symmetric",
    },
}
