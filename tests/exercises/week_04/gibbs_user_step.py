import torch


def draw_by_eigenvectors(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    precision = prior_precision + noise_precision * torch.einsum("na,nb->ab", item_factors, item_factors)
    values, vectors = torch.linalg.eigh(precision)
    error = ratings - item_factors @ prior_mean
    shift = vectors @ ((vectors.T @ (noise_precision * item_factors.T @ error)) / values)
    standard = torch.empty(len(values)).normal_(generator=generator)
    return prior_mean + shift + vectors @ (standard / values.sqrt())


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


SECOND = draw_by_eigenvectors
VARIANTS = {
    "always_the_mean": ridge_and_no_draw,
    "its_own_randomness": another_source,
    "noise_times_the_covariance": covariance_times_noise,
    "wrong_triangle": lower_in_place_of_upper,
    "prior_mean_left_out": prior_around_zero,
}
EQUIVALENT: dict[str, str] = {
    "torch.randn(mean.shape, generator=generator, dtype=mean.dtype) → "
    "torch.randn(mean.shape, generator=generator)": "float32, which is promised, is torch's default",
    "mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise) → "
    "mean - torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)": "a normal distribution is symmetric",
}
