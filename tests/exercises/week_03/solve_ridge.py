import numpy as np


def ridge_by_extra_rows(features, targets, reg):
    k = features.shape[1]
    rows = np.vstack([features, np.sqrt(reg) * np.eye(k)])
    return np.linalg.lstsq(rows, np.concatenate([targets, np.zeros(k)]), rcond=None)[0]


def ridge_of_the_mean(features, targets, reg):
    n, k = features.shape
    return np.linalg.inv(features.T @ features / n + reg * np.eye(k)) @ (features.T @ targets) / n


def ridge_plus_number(features, targets, reg):
    matrix = features.T @ features
    matrix += reg
    return np.linalg.pinv(matrix) @ features.T @ targets


SECOND = ridge_by_extra_rows
VARIANTS = {"penalty_scaled_by_rows": ridge_of_the_mean, "penalty_on_every_entry": ridge_plus_number}
EQUIVALENT: dict[str, str] = {}
