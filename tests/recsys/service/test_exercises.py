"""What the learner writes in week 5 and what the service does are the same thing."""

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.recsys.service.conftest import N_ITEMS, simulated
from ultralearn.exercises.week_05.fold_in_router import fold_in_router
from ultralearn.exercises.week_05.recommend_request import recommend_request
from ultralearn.exercises.week_05.top_k import top_k
from ultralearn.recsys.ials import IALS
from ultralearn.recsys.release import write_release
from ultralearn.recsys.service.answers import MAX_K, Profile
from ultralearn.recsys.service.scoring import top

few_levels = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0])


@given(scores=st.lists(few_levels, min_size=1, max_size=40), k=st.integers(1, 50))
def test_top_k_is_the_service_s(scores, k):
    assert top_k(np.array(scores), k).tolist() == top(np.array(scores), k)


# Left out on purpose: films that are not in the catalog. The exercise's model knows how many there are, the service
# asks its release.
BODIES = [
    {"items": []},
    {"items": [{"item": 3}], "k": 7},
    {"items": [{"item": 3, "rating": 0.5}, {"item": 80, "rating": 4.5}], "k": MAX_K},
    {"items": [{"item": 3}, {"item": 3}]},
    {"items": [{"item": 0}]},
    {"items": [{"item": "3"}]},
    {"items": [{"item": True}]},
    {"items": [{"item": 3, "rating": 0.4}]},
    {"items": [{"item": 3, "rating": 5.1}]},
    {"items": [{"item": 3, "stars": 5}]},
    {"items": [{"item": 3}], "k": 0},
    {"items": [{"item": 3}], "k": MAX_K + 1},
    {"items": [{"item": 3}], "k": "5"},
    {"items": [{"item": 3}], "K": 5},
    {"k": 5},
    {"items": [{"item": 1 + number} for number in range(1000)]},
    {"items": [{"item": 1 + number} for number in range(1001)]},
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body)[:60])
def test_the_request_model_takes_and_refuses_what_the_service_s_does(body):
    def understood(model):
        try:
            return model.model_validate(body).model_dump()
        except ValidationError:
            return "refused"

    assert understood(recommend_request(n_items=1001, max_k=MAX_K)) == understood(Profile)


def test_the_endpoint_scores_as_the_service_does(tmp_path):
    ratings, _ = simulated()
    model = IALS(rank=8, sweeps=3, reg=5.0, popularity_power=0.0).fit(ratings)
    scores = model.fold_in(np.array([3, 5]))
    release = write_release(model, ratings, tmp_path / "release", [([3, 5], np.argsort(-scores)[:12].tolist(), 1)])
    charts = np.array([best.item for best in release.popular(N_ITEMS).items])
    app = FastAPI()
    app.include_router(fold_in_router(model.item_factors.astype(float), charts, model.alpha, model.reg))
    chosen, stars = [2, 40, 17], [5.0, 2.0, 3.5]
    body = {"items": [{"item": i + 1, "rating": s} for i, s in zip(chosen, stars, strict=True)], "k": 20}
    with TestClient(app) as client:
        answer = client.post("/recommend", json=body).json()
        nothing = client.post("/recommend", json={"items": []}).json()
    expected = release.fold_in(chosen, stars, 20)
    assert answer["source"] == expected.source
    assert [film["item"] - 1 for film in answer["items"]] == [best.item for best in expected.items]
    np.testing.assert_allclose(
        [film["score"] for film in answer["items"]], [best.score for best in expected.items], rtol=1e-6
    )
    assert [film["item"] - 1 for film in nothing["items"]] == [best.item for best in release.popular().items]
