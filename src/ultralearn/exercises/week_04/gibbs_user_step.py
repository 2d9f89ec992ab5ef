"""Week 4: `gibbs_user_step`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ultralearn.exercises.week_04.common import one_thread
from ultralearn.practice import Declaration, Probe, Tolerance
from ultralearn.practice.comparison import kind


def gibbs_user_step(
    ratings: Tensor,
    item_factors: Tensor,
    noise_precision: float,
    prior_mean: Tensor,
    prior_precision: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Draw one person's factors from what their ratings and the prior
    leave possible.

    ratings: (n,), float32, centered; n may be 0. item_factors: (n, k),
    float32: row j belongs to the item of ratings[j]. noise_precision: 1 /
    variance of a rating around u . v. prior_mean: (k,). prior_precision:
    (k, k), symmetric, the inverse of the prior's covariance. generator:
    the only source of randomness. Returns one draw, (k,), float32, from
    the normal distribution with precision A = prior_precision +
    noise_precision V'V and mean A^-1 (prior_precision prior_mean +
    noise_precision V'r). Salakhutdinov and Mnih (2008), equations 11-13.
    """
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    mean = torch.linalg.solve(precision, prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings)
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


def _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision):
    """The mean and the precision of the distribution to draw from: what most of the wrong ones below get right."""
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings
    return torch.linalg.solve(precision, pull), precision


def _around(mean, precision, generator):
    noise = torch.randn(len(mean), generator=generator)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


DRAWS, MANY_RATINGS = 1000, 500


WHERE = "How far the draws' mean is off, in their standard deviations"
SPREAD = "Their standard deviations, over what they should be"
TOGETHER = "Their correlations, once those that belong there are taken out"
TAILS = "Their fourth power, over that of a normal distribution"
AT_LARGE = "Their squared distance from the mean, over what it should be"


@one_thread()
def _moments(
    function: Callable[..., Any],
    ratings: Tensor,
    item_factors: Tensor,
    noise_precision: float,
    prior_mean: Tensor,
    prior_precision: Tensor,
    generator: torch.Generator,
) -> dict[str, Any]:
    """Where many draws lie and how they spread, relative to what the inputs say, to one digit.

    At random these moments of 1,000 draws are off by 0.02 to 0.04, whoever drew them; what is off by less than 0.25
    passes.
    """
    given = (ratings, item_factors, noise_precision, prior_mean, prior_precision)
    k = len(prior_mean)
    before = torch.get_rng_state()
    first = function(*given, generator)
    what = f"{kind(first)}, {first.dtype}" if isinstance(first, Tensor) else kind(first)
    many = len(ratings) >= MANY_RATINGS
    unknown = dict.fromkeys(
        [AT_LARGE] if many else [WHERE, SPREAD, TOGETHER, TAILS, "Only the generator decides"], np.nan
    )
    if not isinstance(first, Tensor) or first.shape != (k,):
        return {"A draw": what, "The draws": "have another shape"} | unknown
    count = 100 if many else DRAWS
    draws = torch.stack([function(*given, generator).detach() for _ in range(count)]).double().numpy()
    one, other = (function(*given, torch.Generator().manual_seed(5)) for _ in range(2))
    only_source = torch.equal(one, other) and torch.equal(before, torch.get_rng_state())

    design = item_factors.double().numpy()
    prior = prior_precision.double().numpy()
    precision = prior + noise_precision * design.T @ design
    pull = prior @ prior_mean.double().numpy() + noise_precision * design.T @ ratings.double().numpy()
    due = np.sqrt(np.diag(np.linalg.inv(precision)))
    off, spread = draws.mean(axis=0) - np.linalg.solve(precision, pull), draws.std(axis=0)
    if (spread < 1e-3 * due).all():
        place = "are the mean, each time" if np.abs(off / due).max() < 0.05 else "are the same at each call"
        return {"A draw": what, "The draws": place} | unknown
    seen = {"A draw": what, "The draws": "differ from call to call"}
    centered = (draws - draws.mean(axis=0)) @ np.linalg.cholesky(precision)  # independent, of variance 1
    if many:
        return seen | {AT_LARGE: _digit(((centered + off @ np.linalg.cholesky(precision)) ** 2).mean())}
    standard = centered / np.maximum(centered.std(axis=0), 1e-9)
    return seen | {
        WHERE: _digit(off / np.maximum(spread, 1e-3 * due)),
        SPREAD: _digit(spread / due),
        TOGETHER: _digit(standard.T @ standard / count - np.eye(k)),
        TAILS: _digit((standard**4).mean() / 3 if k > 1 else 1.0),  # of one factor's draws, too uncertain
        "Only the generator decides": only_source,
    }


def _digit(values: Any) -> np.ndarray:
    return np.round(values, 1) + 0.0  # + 0.0 makes -0.0 a plain 0


def _opinions(
    n: int, k: int, noise_precision: float, seed: int, spread: float = 1.0, far: float = 3.0
) -> dict[str, Any]:
    """Ratings that the factors explain up to their noise, factors that hang together, a prior far from 0."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(n, 1, generator=generator)
    item_factors = spread * (common + 0.5 * torch.randn(n, k, generator=generator))
    taste = torch.randn(k, generator=generator)
    root = torch.randn(k, k, generator=generator)
    return {
        "ratings": item_factors @ taste + noise_precision**-0.5 * torch.randn(n, generator=generator),
        "item_factors": item_factors,
        "noise_precision": noise_precision,
        "prior_mean": taste + far * torch.randn(k, generator=generator).sign(),
        "prior_precision": root @ root.T + 0.5 * torch.eye(k),
        "generator": torch.Generator().manual_seed(seed),
    }


declaration = Declaration(
    gibbs_user_step,
    question="Somebody rated three films, and their taste has eight numbers. Many tastes explain three ratings. Which "
    "of them are likely, and how would you pick one of them at random, the likely ones more often?",
    nudge="A normal distribution is its mean and its spread. The mean is a ridge regression whose penalty is not the "
    "same in all directions. For the spread, draw z of k independent numbers: M z has the covariance M M', and you "
    "want the inverse of the precision. Its Cholesky factor is halfway there.",
    probes=[
        Probe(
            "three ratings, two factors",
            lambda: {
                "ratings": torch.tensor([1.0, -0.5, 0.5]),
                "item_factors": torch.tensor([[1.0, 0.5], [-0.5, 1.0], [1.5, 1.5]]),
                "noise_precision": 4.0,
                "prior_mean": torch.tensor([2.0, -1.0]),
                "prior_precision": torch.tensor([[3.0, 1.0], [1.0, 0.5]]),
                "generator": torch.Generator().manual_seed(1),
            },
            times=45,
        ),
        Probe("no ratings, three factors", lambda: _opinions(0, 3, 2.0, seed=2, far=12.0), times=45),
        Probe("ratings that say little", lambda: _opinions(6, 3, 0.1, seed=3), times=45),
        Probe("ratings that say much", lambda: _opinions(5, 4, 25.0, seed=4, spread=0.5), times=45),
        Probe("one factor", lambda: _opinions(2, 1, 0.4, seed=5), times=45),
        Probe("737 ratings, 16 factors, 100 draws", lambda: _opinions(737, 16, 1.5, seed=6, spread=0.3), times=45),
    ],
    observe=_moments,
    tolerance=Tolerance(rtol=0.05, atol=0.2),
)


@declaration.misconception
def always_the_mean(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You return the mean, each time. That is ridge regression, one answer; a Gibbs sampler wants to see what else the
    ratings leave possible. What spreads the draws around the mean, and how far in each direction?
    """
    return _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)[0]


@declaration.misconception
def same_draw_at_each_call(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You return the same numbers at each call. Either nothing random is in them, or you seed anew, and every sweep
    would add the same noise. The generator that you are given moves on by itself, if you draw from it; whoever wants a
    run repeated has seeded it before.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return _around(mean, precision, generator.manual_seed(0))


@declaration.misconception
def its_own_randomness(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Mean and spread are right, but the same generator state gives another draw the next time: you draw from
    somewhere else. `torch.randn` takes the global source unless you tell it which one to use.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return _around(mean, precision, None)


@declaration.misconception
def prior_mean_left_out(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your draws lie around the wrong place: `prior_mean` is not in them, and the prior pulls toward 0. In this model
    the prior is the cloud of all people; where its middle lies is what somebody without ratings is drawn around.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, 0 * prior_mean, prior_precision)
    return _around(mean, precision, generator)


@declaration.misconception
def prior_mean_without_its_precision(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You add `prior_mean` to the right-hand side as it is. There it stands beside sums that are weighted by how sure
    they are: what weighs the prior's mean? Check with n = 0, where the mean has to come out as prior_mean.
    """
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_mean + noise_precision * item_factors.T @ ratings
    return _around(torch.linalg.solve(precision, pull), precision, generator)


@declaration.misconception
def prior_mean_added_at_the_end(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You solve as if the prior lay around 0 and add `prior_mean` afterwards. Then the ratings are explained twice,
    once by the solution and once by the prior's mean. What would have to be taken off the ratings first?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, 0 * prior_mean, prior_precision)
    return _around(mean + prior_mean, precision, generator)


@declaration.misconception
def ratings_unweighted_on_the_right(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """On the right-hand side noise_precision is missing: V'V is weighted and V'r is not. Both come from the same
    squared errors, so the same number stands before both.
    """
    precision = prior_precision + noise_precision * item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + item_factors.T @ ratings
    return _around(torch.linalg.solve(precision, pull), precision, generator)


@declaration.misconception
def ratings_unweighted_on_the_left(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """In your precision noise_precision is missing: V'r is weighted and V'V is not. Both come from the same squared
    errors, so the same number stands before both.
    """
    precision = prior_precision + item_factors.T @ item_factors
    pull = prior_precision @ prior_mean + noise_precision * item_factors.T @ ratings
    return _around(torch.linalg.solve(precision, pull), precision, generator)


@declaration.misconception
def noise_precision_left_out(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your draws do not depend on noise_precision. It says how far to trust a rating against the prior; you trust all
    of them as if their variance were 1.
    """
    mean, precision = _conditional(ratings, item_factors, 1.0, prior_mean, prior_precision)
    return _around(mean, precision, generator)


@declaration.misconception
def precision_taken_for_a_variance(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You divide by noise_precision where you should multiply, or the other way round. A precision is one over a
    variance: large means that the ratings are to be trusted. Do yours move the draws more, or less, when it grows?
    """
    mean, precision = _conditional(ratings, item_factors, 1 / noise_precision, prior_mean, prior_precision)
    return _around(mean, precision, generator)


@declaration.misconception
def precision_taken_for_a_deviation(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You treat noise_precision as a standard deviation and divide by its square. It is one over a variance already:
    nothing has to be squared or inverted any more.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision**-2, prior_mean, prior_precision)
    return _around(mean, precision, generator)


@declaration.misconception
def prior_precision_taken_for_a_covariance(
    ratings, item_factors, noise_precision, prior_mean, prior_precision, generator
):
    """You invert prior_precision before you use it, as one does with a covariance. It is the inverse already:
    precisions add up as they are, which is why this model is written with them.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision.inverse())
    return _around(mean, precision, generator)


@declaration.misconception
def noise_as_it_comes(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your mean is right, and the noise around it has the variance 1 in all directions, however much the ratings have
    said. The more is known in a direction, the smaller the spread in it: which matrix knows that?
    """
    mean, _ = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.randn(len(mean), generator=generator)


@declaration.misconception
def noise_times_the_covariance(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your mean is right, the spread is not: you multiply the noise with the covariance itself. If z has the covariance
    I, then M z has M M'. Which M has the product that you want?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.linalg.solve(precision, torch.randn(len(mean), generator=generator))


@declaration.misconception
def noise_times_the_root_of_the_precision(
    ratings, item_factors, noise_precision, prior_mean, prior_precision, generator
):
    """Your mean is right, but the draws spread where they should be tight: you multiply the noise with the Cholesky
    factor of the precision. The surer you are, the smaller the spread should be.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.linalg.cholesky(precision) @ torch.randn(len(mean), generator=generator)


@declaration.misconception
def wrong_triangle(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """So close: your draws have the covariance (L'L)^-1, and (LL')^-1 is what you want. Let M be the inverse of what
    you solve with, multiply out M M', and see where the transpose belongs.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision), torch.randn(len(mean), generator=generator))


@declaration.misconception
def each_factor_by_itself(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You give each factor its own noise, by the diagonal alone. But the factors hang together: if one is larger than
    thought, another has to be smaller for the ratings to fit. What holds the off-diagonal entries?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.randn(len(mean), generator=generator) / precision.diagonal().sqrt()


@declaration.misconception
def each_factor_by_its_variance(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Each factor taken alone is right, mean and spread; together they are not. You use the diagonal of the covariance
    and leave out the rest, which says how the factors move together.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    return mean + torch.randn(len(mean), generator=generator) * precision.inverse().diagonal().sqrt()


@declaration.misconception
def one_number_for_all_factors(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """You draw a single random number and use it for all k factors, so your draws lie on a line. How many independent
    numbers does a point in k dimensions take?
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    noise = torch.randn(1, generator=generator).expand(len(mean))
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)


@declaration.misconception
def uniform_noise(ratings, item_factors, noise_precision, prior_mean, prior_precision, generator):
    """Your noise is not normal: `torch.rand` draws uniformly between 0 and 1, which has the mean ½ and hardly any
    spread. One letter is missing.
    """
    mean, precision = _conditional(ratings, item_factors, noise_precision, prior_mean, prior_precision)
    noise = torch.rand(len(mean), generator=generator)
    return mean + torch.linalg.solve(torch.linalg.cholesky(precision).T, noise)
