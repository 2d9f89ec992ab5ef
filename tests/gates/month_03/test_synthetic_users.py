"""People that nobody was trained on: what they are made of, and that memory of the training data is worth nothing."""

import numpy as np
import pytest
import torch

from tests.gates.month_03.apis import CosineApi, Memorized, item_cosine
from ultralearn.gates.month_03.synthetic_users import (
    FEWEST_KEPT,
    FEWEST_SENT,
    LIKED,
    MOST_SENT,
    SyntheticUser,
    compose,
    popular_orders,
    quality,
    without,
)
from ultralearn.recsys.data import load_movielens, simulate
from ultralearn.recsys.ials import IALS


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def ratings():
    return load_movielens()


@pytest.fixture(scope="module")
def people(ratings):
    return compose(ratings, 300, seed=11)


def test_what_a_person_is_made_of(ratings, people):
    stars = ratings.matrix().toarray()
    seen = stars > 0
    assert len(people) == 300
    assert len({person.source for person in people}) > 290
    for person in people:
        assert FEWEST_SENT <= len(person.items) <= MOST_SENT
        assert len(np.unique(person.items)) == len(person.items)
        assert not person.far[person.items].any()  # what is sent is near, what is kept is far
        assert person.far[person.liked].all()
        assert 0.4 < person.far.mean() < 0.6
        assert person.liked.sum() >= FEWEST_KEPT
        assert (stars[person.source][person.liked] >= LIKED).all()
        # Each of the stars was given to this film by somebody.
        assert all((stars[:, item] == rating).any() for item, rating in zip(person.items, person.stars, strict=True))
        # Nobody's row holds all that is sent, and the source's is not among the nearest.
        common = seen[:, person.items].mean(axis=1)
        assert common.max() < 1
        assert (common > common[person.source]).sum() >= 5


def test_a_seed_is_its_people(ratings):
    first, again, other = (compose(ratings, 10, seed) for seed in (1, 1, 2))
    for one, same in zip(first, again, strict=True):
        assert np.array_equal(one.items, same.items)
        assert np.array_equal(one.stars, same.stars)
        assert np.array_equal(one.liked, same.liked)
    assert [one.source for one in first] != [one.source for one in other]


def test_too_few_people_are_refused():
    with pytest.raises(ValueError, match="ask for fewer"):
        compose(simulate(15, 30, 200).ratings, 40, seed=0)


def real_people(ratings, users, rng):
    """The same halves for somebody real."""
    stars = ratings.matrix().toarray()
    people = []
    for user in users:
        near = rng.random(ratings.n_items) < 0.5
        items, liked = np.flatnonzero((stars[user] > 0) & near), (stars[user] >= LIKED) & ~near
        if len(items) >= FEWEST_SENT and liked.sum() >= FEWEST_KEPT:
            people.append(SyntheticUser(int(user), items, stars[user, items], liked, ~near))
    return people


def worth(model, people):
    """nDCG@10 of a model with fold_in(items, stars) -> scores."""
    lists = []
    for person in people:
        scores = np.array(model(person.items, person.stars), dtype=float)
        scores[person.items] = -np.inf
        lists.append(np.argsort(-scores, kind="stable")[:50].tolist())
    return float(quality(people, lists).mean())


def popular(ratings, people):
    orders = popular_orders(ratings).values()
    return max(quality(people, [without(order, p.items, 50) for p in people]).mean() for order in orders)


def models(ratings):
    likeness = item_cosine(ratings)
    cosine, memorized = CosineApi(ratings, likeness), Memorized(ratings, likeness)
    return {
        "memorized": lambda items, stars: memorized.scores(items.tolist(), stars),
        "cosine": lambda items, stars: cosine.scores(items.tolist(), stars),
        "ials": IALS().fit(ratings).fold_in,
    }


@pytest.fixture(scope="module")
def trained(ratings):
    """On everybody, as a learner's are."""
    return models(ratings)


def test_memory_wins_on_real_people_and_is_worth_nothing_on_composed_ones(ratings, people, trained):
    """The reason for composing. On people it was trained on, the lookup beats the best of honest models."""
    known = real_people(ratings, np.arange(0, 943, 3), np.random.default_rng(0))
    assert worth(trained["memorized"], known) > worth(trained["ials"], known) + 0.05
    assert worth(trained["memorized"], known) > popular(ratings, known) + 0.2
    assert worth(trained["memorized"], people) < popular(ratings, people)


def test_synthetic_users_judge_models_as_new_people_do(ratings, people, trained):
    """Models trained without a third of the people, judged on these; and trained on everybody, on the composed ones."""
    left_out = np.arange(0, 943, 3)
    rest = ratings.take(np.flatnonzero(~np.isin(ratings.users, left_out)))
    new = real_people(ratings, left_out, np.random.default_rng(0))
    by_new = {name: worth(model, new) / popular(rest, new) for name, model in models(rest).items()}
    by_composed = {name: worth(model, people) / popular(ratings, people) for name, model in trained.items()}
    for gains in (by_new, by_composed):
        assert gains["memorized"] < 1.02
        assert all(gains[name] > 1.1 for name in ("cosine", "ials"))
    assert all(abs(by_new[name] - by_composed[name]) < 0.2 for name in by_new)


def test_it_does_not_matter_whether_the_sources_were_trained_on(ratings, trained):
    """Fitted without the very people behind the composed ones, models are as far above popularity as with them."""
    some = compose(ratings, 100, seed=3)
    sources = [person.source for person in some]
    rest = ratings.take(np.flatnonzero(~np.isin(ratings.users, sources)))
    not_trained = models(rest)
    for name in trained:
        gain = worth(trained[name], some) - popular(ratings, some)
        assert abs(gain - (worth(not_trained[name], some) - popular(rest, some))) < 0.03, name


def test_quality_counts_far_films_only():
    far = np.array([False, True, True, True, True])
    liked = np.array([False, False, True, False, True])
    person = SyntheticUser(0, np.array([0]), np.array([5.0]), liked, far)
    best = 1 + 1 / np.log2(3)
    assert quality([person], [[2, 4, 1]])[0] == 1
    assert quality([person], [[0, 2, 4]])[0] == 1  # a near film takes no place
    assert quality([person], [[1, 2]])[0] == pytest.approx(1 / np.log2(3) / best)
    assert quality([person], [[]])[0] == 0
