"""Tables are told apart by what is in them, never by the order of their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leakgauge.membership.pool import Pool
from leakgauge.membership.shift import distribution_shift
from leakgauge.progress import Silent

N = 250


def pool(members: pd.DataFrame, others: pd.DataFrame, is_read: list[bool] | None = None) -> Pool:
    x = pd.concat([members, others], ignore_index=True)
    return Pool(
        x=x,
        y=np.random.default_rng(99).integers(0, 2, len(x)),
        member=np.repeat([True, False], [len(members), len(others)]),
        row=np.arange(len(x)) + 1,
        is_read=None if is_read is None else np.array(is_read),
    )


def table(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D")
    return pd.DataFrame(
        {
            "id": [f"C{number:06d}" for number in rng.integers(0, 10**6, N)],
            "date": days.strftime("%Y-%m-%d").astype(object),
            "city": rng.choice(["Bern", "Basel", None], N),
            "mixed": pd.Series(rng.choice([1, "x", 2.5], N), dtype=object),
            "level": pd.Series(rng.choice(["low", "high"], N), dtype="category"),
            "age": rng.normal(40, 9, N),
        }
    )


def found(pool: Pool):
    return distribution_shift(pool, rng=np.random.default_rng(0), progress=Silent())


@pytest.mark.parametrize("seed", range(3))
def test_text_that_is_new_in_every_row_tells_nothing(seed: int) -> None:
    assert found(pool(table(2 * seed), table(2 * seed + 1))) is None


def test_every_column_that_tells_the_tables_apart_is_named() -> None:
    others = table(1)
    shifted = others.assign(date="2024" + others.date.str[4:], age=others.age + 20)
    shift = found(pool(table(0), shifted))
    assert shift is not None
    assert shift.area.low > 0.95
    assert {name for name, _ in shift.by_column} == {"“date”", "“age”"}
    assert [area for _, area in shift.by_column] == sorted((a for _, a in shift.by_column), reverse=True)


def test_columns_that_the_model_never_reads_take_no_part() -> None:
    counted = [frame.assign(id=range(start, start + N)) for frame, start in ((table(0), 0), (table(1), N))]
    assert found(pool(*counted)) is not None
    assert found(pool(*counted, is_read=[False, True, True, True, True, True])) is None


def test_a_difference_that_only_several_columns_show_is_told_without_a_name() -> None:
    def signs(seed: int, product: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        a = rng.choice([-1, 1], 2 * N)
        return pd.DataFrame({"a": a, "b": a * product})

    shift = found(pool(signs(0, 1), signs(1, -1)))
    assert shift is not None
    assert shift.by_column == ()


def test_the_label_may_be_what_differs() -> None:
    alike = pool(table(0), table(1))
    labelled = Pool(alike.x, alike.member.astype(np.int64), alike.member, alike.row)
    shift = found(labelled)
    assert shift is not None
    assert shift.by_column[0][0] == "the label"


@pytest.mark.slow
@pytest.mark.parametrize(("members", "others"), [(60, 60), (300, 300), (400, 40)])
def test_splits_of_one_table_are_told_apart_no_more_often_than_chance_has_it(
    members: int, others: int
) -> None:
    """With records that come several times, which a forest can find again on the same side only."""
    rng = np.random.default_rng(members + others)
    told = 0
    for _ in range(40):
        rows = rng.normal(size=((members + others) // 3, 4))
        table = pd.DataFrame(rows[rng.integers(0, len(rows), members + others)])
        told += found(pool(table[:members], table[members:])) is not None
    assert told <= 0.05 * 40


def test_a_model_that_reads_no_column_is_compared_by_labels_alone() -> None:
    assert found(pool(table(0), table(1), is_read=[False] * 6)) is None
