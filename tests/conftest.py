"""Options of the test run."""

import pytest
from hypothesis import settings

# A busy machine is no failure: how long an example may take is asked by tests that measure CPU seconds.
settings.register_profile("ladle", deadline=None)
settings.load_profile("ladle")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
