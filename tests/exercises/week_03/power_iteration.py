import numpy as np


def iterate(matrix, steps, start):
    direction = start / np.sqrt(start @ start)
    while steps > 0:
        image = matrix.dot(direction)
        direction = image / np.sqrt(np.sum(np.square(image)))
        steps = steps - 1
    return float(np.einsum("i,ij,j", direction, matrix, direction)), direction


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


SECOND = iterate
VARIANTS = {
    "value_is_the_last_norm": norm_of_the_image,
    "normalized_only_at_the_end": powers_first,
    "ignored_the_start": from_ones,
}
EQUIVALENT: dict[str, str] = {}
