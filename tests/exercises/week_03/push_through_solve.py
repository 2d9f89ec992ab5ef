import numpy as np


def pushed_by_roots(features, targets, prior_precision):
    half = features * prior_precision**-0.5
    system = half @ half.T
    system[np.diag_indices_from(system)] += 1
    return prior_precision**-0.5 * (half.T @ np.linalg.inv(system) @ targets)


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


SECOND = pushed_by_roots
VARIANTS = {
    "identity_forgotten": interpolates,
    "precision_multiplied": scaled_the_wrong_way,
    "one_precision_for_all": same_rent_for_all,
}
EQUIVALENT: dict[str, str] = {}
