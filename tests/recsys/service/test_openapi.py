"""Schemathesis over the whole OpenAPI document: every answer is one that the document announces, nonsense gets 4xx."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks

from tests.recsys.service.conftest import KEY
from ultralearn.recsys.service.app import create_app
from ultralearn.recsys.service.settings import Settings

ROUTES = [
    ("GET", "/recommend/{user}"),
    ("POST", "/recommend"),
    ("GET", "/similar/{item}"),
    ("GET", "/model"),
    ("POST", "/model/reload"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
]
TAKING_ARGUMENTS = ROUTES[:3]


@pytest.fixture(scope="module")
def schema(releases):
    app = create_app(Settings(release=releases / "one", api_key=KEY), None)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def test_the_document_has_every_route_and_no_other(schema):
    operations = [found.ok() for found in schema.get_all_operations()]
    assert sorted((operation.method.upper(), operation.path) for operation in operations) == sorted(ROUTES)


def tried(operation, mode, examples):
    """Asks the operation what this mode makes up, seeded, and holds every answer to the document."""
    statuses = []
    # Which films there are, and that one is named once, no document says; and the key is always sent here.
    beyond = [checks.positive_data_acceptance] if operation.path == "/recommend" else []
    beyond += [checks.negative_data_rejection] if mode == GenerationMode.NEGATIVE else []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        statuses.append(case.call_and_validate(headers={"X-API-Key": KEY}, excluded_checks=beyond).status_code)

    ask()
    return statuses


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=" ".join)
def test_what_fits_the_document_is_answered_as_it_says(schema, method, path):
    statuses = tried(schema[path][method], GenerationMode.POSITIVE, 40 if (method, path) in TAKING_ARGUMENTS else 3)
    assert 200 in statuses
    assert max(statuses) < 500


@pytest.mark.parametrize(("method", "path"), TAKING_ARGUMENTS, ids=" ".join)
def test_what_does_not_fit_is_refused_as_it_says(schema, method, path):
    statuses = tried(schema[path][method], GenerationMode.NEGATIVE, 40)
    assert max(statuses) < 500
    assert sum(status >= 400 for status in statuses) > len(statuses) / 2
