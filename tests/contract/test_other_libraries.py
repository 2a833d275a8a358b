"""Models of other libraries as people have them: audited, or refused with a way in that works."""

from __future__ import annotations

import pytest

from other_libraries import MODELS, Case, outcome

REFUSED = {"PyTorch, `torch", "PyTorch, state", "skorch, pickle", "PMML as", "a transformer", "a lambda"}


def is_refused(case: Case) -> bool:
    return case.name.startswith(tuple(REFUSED))


def test_at_least_26_of_34_are_audited_and_the_others_have_a_way_in() -> None:
    assert len(MODELS) == 34
    assert sum(map(is_refused, MODELS)) <= 34 - 26
    assert all(is_refused(case) == (case.tried is not None) for case in MODELS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries
@pytest.mark.parametrize("case", MODELS, ids=lambda case: case.name)
def test_a_model_of_another_library_is_audited_or_has_a_way_in(case: Case) -> None:
    found = outcome(case)
    assert found.word == ("refused" if is_refused(case) else "audited"), found.detail
