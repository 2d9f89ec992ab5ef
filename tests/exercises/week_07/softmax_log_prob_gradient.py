import numpy as np


def gradient_column_by_column(weights, obs, action):
    logits = weights.T.dot(obs)
    log_normalizer = np.logaddexp.reduce(logits)
    gradient = np.empty(weights.shape)
    for other in range(weights.shape[1]):
        expected = np.exp(logits[other] - log_normalizer)
        gradient[:, other] = ((1.0 if other == action else 0.0) - expected) * obs
    return gradient


def minus_the_gradient(weights, obs, action):
    return -gradient_column_by_column(weights, obs, action)


def raises_one_logit(weights, obs, action):
    gradient = np.zeros(weights.shape)
    gradient[:, action] = obs
    return gradient


def scaled_by_the_probability(weights, obs, action):
    logits = obs @ weights
    prob = np.exp(logits[action] - np.logaddexp.reduce(logits))
    return prob * gradient_column_by_column(weights, obs, action)


def lies_on_its_side(weights, obs, action):
    return np.array(gradient_column_by_column(weights, obs, action)).T


def naive_softmax(weights, obs, action):
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(weights.T @ obs)
        e = -e / e.sum()
    e[action] += 1
    return obs[:, None] * e[None, :]


SECOND = gradient_column_by_column
VARIANTS = {
    "points_downhill": minus_the_gradient,
    "forgets_the_other_actions": raises_one_logit,
    "gradient_of_the_probability": scaled_by_the_probability,
    "transposed": lies_on_its_side,
    "exponentials_overflow": naive_softmax,
}
EQUIVALENT: dict[str, str] = {}
