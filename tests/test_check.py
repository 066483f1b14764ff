import pytest
from checking import PRELUDE, checked
from expectations import Case, cases, differences


@pytest.mark.parametrize("case", cases("types"), ids=lambda case: case.name)
def test_fixture_has_exactly_the_problems_it_names(case: Case) -> None:
    _, found = checked(f"{case.source.text}\n{PRELUDE}")
    assert differences(case, found) == []
