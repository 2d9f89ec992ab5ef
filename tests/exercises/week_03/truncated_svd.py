import numpy as np


def from_lapack(matrix, rank):
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    return u[:, :rank], s[:rank], vt[:rank, :]


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


SECOND = from_lapack
VARIANTS = {
    "values_not_rooted": svd_from_eigenvalues,
    "left_vectors_not_normalized": svd_with_long_columns,
    "forgot_to_deflate": always_the_first_pair,
}
EQUIVALENT: dict[str, str] = {
    "0 → 1": "another seed is another random start, and all of them end at the same pairs",
    "np.linalg.norm(right - previous) > 1e-09 → np.linalg.norm(right - previous) >= 1e-09": (
        "the distance is never exactly 1e-9; stopping there or one step later changes nothing"
    ),
}
