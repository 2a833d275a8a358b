"""An attack model never sees the record that it scores, whatever the pool and the share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakgauge.attacks.row import Unsuited
from leakgauge.membership.held_out import fold_by_fold, held_out_scores, splits
from leakgauge.progress import Silent

examples = settings(max_examples=40, derandomize=True, deadline=None)


@examples
@given(st.integers(10, 120), st.integers(10, 120), st.integers(1, 90), st.integers(0, 3))
def test_every_record_is_scored_once_and_never_known(
    members: int, non_members: int, percentage: int, seed: int
) -> None:
    member = np.repeat([True, False], [members, non_members])
    tested = np.zeros(len(member), int)
    for split in splits(member, percentage=percentage, rng=np.random.default_rng(seed)):
        tested[split.test] += 1
        assert not np.intersect1d(split.test, split.known).size
        assert len(np.unique(split.known)) == len(split.known)
        assert member[split.known_members].all()
        assert not member[split.known_non_members].any()
        assert len(split.known_members) == len(split.known_non_members)
        wanted = min(members, non_members) * percentage // 100
        assert wanted - 1 <= len(split.known_members) <= wanted
    assert (tested == 1).all()


def test_a_model_that_memorises_rows_learns_nothing_from_noise() -> None:
    def memorise(known, member, unknown, *, seed):
        table = dict(zip(map(bytes, known), member, strict=True))
        return np.array([float(table.get(bytes(row), 0.5)) for row in unknown])

    rng = np.random.default_rng(0)
    member = np.arange(400) < 200
    features = rng.normal(size=(400, 3))
    scores = held_out_scores(
        fold_by_fold(memorise), features, member, percentage=90, rng=rng, progress=Silent()
    )
    assert (scores == 0.5).all()


def test_too_few_known_records_are_refused() -> None:
    with pytest.raises(Unsuited, match="2 known members"):
        held_out_scores(
            fold_by_fold(lambda *_, **__: np.zeros(4)),
            np.zeros((40, 1)),
            np.arange(40) < 20,
            percentage=10,
            rng=np.random.default_rng(0),
            progress=Silent(),
        )
