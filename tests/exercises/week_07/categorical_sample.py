import numpy as np


def sample_by_gumbel(logits, generator):
    return (logits - np.log(generator.exponential(size=logits.shape))).argmax(axis=-1)


def list_of_maxima(logits, generator):
    return np.array([int(np.argmax(row)) for row in logits])


def naive_choice(logits, generator):
    with np.errstate(over="ignore", invalid="ignore"):
        probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        marks = np.cumsum(probs, axis=1)
        return np.argmax(generator.uniform(size=(len(logits), 1)) < marks, axis=1)


def global_randomness(logits, generator):
    return (logits + np.random.gumbel(size=logits.shape)).argmax(axis=1)


def same_dart(logits, generator):
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = probs / probs.sum(axis=1, keepdims=True)
    dart = generator.uniform()
    return np.array([min(np.searchsorted(np.cumsum(row), dart), len(row) - 1) for row in probs])


def reseeded(logits, generator):
    mine = np.random.default_rng(42)
    return (logits + mine.gumbel(size=logits.shape)).argmax(axis=1)


SECOND = sample_by_gumbel
VARIANTS = {
    "takes_the_likeliest": list_of_maxima,
    "overflows": naive_choice,
    "its_own_randomness": global_randomness,
    "one_draw_for_all_rows": same_dart,
    "starts_over_at_each_call": reseeded,
}
EQUIVALENT: dict[str, str] = {
    "cumulative > thresholds → cumulative >= thresholds": "The two differ only where a random float hits a "
    "cumulative sum exactly, about once in 10^16 draws.",
}
