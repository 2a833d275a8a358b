"""Builds the sample bundles from data that ships with scikit-learn, the same bytes every time.

    python sample-input/build.py [FOLDER]

`membership.zip` holds a default random forest, which remembers its training
data well; `membership-regularised.zip` its twin with larger leaves and a tenth
of the records for each tree, which remembers little and keeps the default
policy. Both were trained on the same half of the digits. `membership-answers.zip`
holds what the first one answered, and eight reference models, but no model.
`membership-people.zip` holds a forest of people who never were, with columns that are nobody's business.
`inversion.zip` holds a small Keras classifier of digits and one of its images.
"""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first date a zip can hold: a clock in the bundle would change its bytes."""


def membership_bundles() -> dict[str, bytes]:
    """The membership samples, by file name."""
    digits = load_digits(as_frame=True)
    table = digits.data.astype(int).assign(label=digits.target)
    members, subjects = train_test_split(table, test_size=0.5, random_state=0, stratify=table.label)
    forests = {
        "membership.zip": RandomForestClassifier(random_state=0),
        "membership-regularised.zip": RandomForestClassifier(
            max_samples=0.1, min_samples_leaf=5, random_state=0
        ),
    }
    answers = answers_bundle(members, subjects)
    return {"membership-answers.zip": answers, "membership-people.zip": people_bundle()} | {
        name: zipped(
            {
                "model.pkl": pickle.dumps(forest.fit(members.drop(columns="label"), members.label)),
                "train_mia.csv": csv(members),
                "test_mia.csv": csv(subjects),
            }
        )
        for name, forest in forests.items()
    }


def answers_bundle(members: pd.DataFrame, others: pd.DataFrame) -> bytes:
    """What a forest says of its members and of others, beside four pairs of reference models."""
    forest = RandomForestClassifier(random_state=0).fit(members.drop(columns="label"), members.label)
    everyone = pd.concat([members, others], ignore_index=True)

    def answered(model: RandomForestClassifier, table: pd.DataFrame) -> pd.DataFrame:
        probabilities = model.predict_proba(table.drop(columns="label"))
        return pd.DataFrame(probabilities, columns=model.classes_).assign(label=table.label.to_numpy())

    files = {
        "members_answers.csv": csv(answered(forest, members)),
        "non_members_answers.csv": csv(answered(forest, others)),
    }
    for pair in range(4):
        halves = train_test_split(everyone.index, test_size=0.5, random_state=pair, stratify=everyone.label)
        for half, rows in zip("ab", halves, strict=True):
            trained_on = everyone.loc[rows]
            model = RandomForestClassifier(random_state=pair).fit(
                trained_on.drop(columns="label"), trained_on.label
            )
            table = answered(model, everyone).assign(in_training=everyone.index.isin(rows).astype(int))
            files[f"reference_answers/{pair}{half}.csv"] = csv(table)
    return zipped(files)


def people_bundle() -> bytes:
    """A default forest that predicts who needs hospital care, of people whose columns hang together."""
    table = people(1_000)
    members, others = table[:500], table[500:]
    encoder = make_column_transformer(
        (OrdinalEncoder(), ["smoker", "job"]), remainder="passthrough", verbose_feature_names_out=False
    )
    forest = make_pipeline(encoder, RandomForestClassifier(random_state=0))
    return zipped(
        {
            "model.pkl": pickle.dumps(forest.fit(members.drop(columns="label"), members.label)),
            "train_mia.csv": csv(members),
            "test_mia.csv": csv(others),
            "parameters.json": b'{"sensitive_columns": ["smoker"]}\n',
        }
    )


def people(n: int) -> pd.DataFrame:
    """`n` people: who is young smokes more often, and who smokes is ill more often."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, n)
    smoker = rng.random(n) < 1.0 / (1.0 + np.exp((age - 40.0) / 15.0))
    exercise, weight = rng.integers(0, 15, n), rng.normal(80.0, 12.0, n).round(1)
    job = rng.choice(["nurse", "clerk", "driver"], n, p=[0.5, 0.3, 0.2])
    risk = 1.2 * smoker + (age - 45) / 20.0 - exercise / 8.0 + (weight - 80.0) / 30.0
    return pd.DataFrame(
        {
            "age": age,
            "smoker": np.where(smoker, "yes", "no"),
            "job": job,
            "exercise": exercise,
            "weight": weight,
            "label": np.where(risk + rng.logistic(size=n) > 0.0, "hospital", "healthy"),
        }
    )


def csv(table: pd.DataFrame) -> bytes:
    """A table as the bytes of a CSV file."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files` with nothing in it that differs between two runs."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date_time=EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def main(folder: Path) -> None:
    """Write every sample into `folder`."""
    for name, content in membership_bundles().items():
        (folder / name).write_bytes(content)
    from inversion_sample import build  # late: it imports TensorFlow, which takes a while

    build(folder)
    for sample in sorted(folder.glob("*.zip")):
        print(f"{sample}  {sample.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
