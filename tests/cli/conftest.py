from tests.publish.conftest import course  # noqa: F401  # a fixture
