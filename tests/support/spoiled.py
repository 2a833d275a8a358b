"""Bundles whose data holds a marker, spoiled in ways whose errors could quote it."""

from __future__ import annotations

import json
import pickle

from bad_inputs import FEATURES, MEMBERS, SUBJECTS, bundle, csv, members
from sklearn.ensemble import RandomForestClassifier

MARKER = "Zaphod-7391746"
NUMBER = "73917.46125"
QUICK = {"attacks": ["gap", "loss"], "proportions": [50], "reference_models": 0}


def spoiled() -> dict[str, bytes]:
    """By name; every one is refused."""
    rows = csv(MEMBERS)
    forest = RandomForestClassifier(3, random_state=0).fit(MEMBERS[FEATURES], MEMBERS.label)
    forest.note = MARKER
    named = pickle.dumps(forest)
    marked = MEMBERS.assign(age=MEMBERS.age.where(MEMBERS.index != 5, float(NUMBER)))
    return {
        "text among numbers": members(lambda t: t.assign(age=t.age.astype(str).where(t.index != 5, MARKER))),
        "unknown label": members(lambda t: t.assign(label=t.label.astype(str).where(t.index != 5, MARKER))),
        "ragged row": bundle(train_mia__csv=rows + f"{MARKER},{NUMBER}\n".encode()),
        "open quote": bundle(train_mia__csv=rows + f'"{MARKER},1,2,0\n'.encode()),
        "NUL": bundle(train_mia__csv=rows + f"{MARKER}\0,1,2,0\n".encode()),
        "Latin-1": bundle(train_mia__csv=rows + MARKER.encode() + b"\xe4,1,2,0\n"),
        "infinite": members(lambda t: t.assign(age=t.age.astype(str).where(t.index != 5, "inf"))),
        "same records": bundle(train_mia__csv=csv(marked), test_mia__csv=csv(marked)),
        "one label": members(lambda t: t.assign(label=float(NUMBER))),
        "model cut": bundle(model__pkl=named[:-40]),
        "model of text": bundle(model__pkl=MARKER.encode() * 9),
        "model that is a dictionary": bundle(model__pkl=pickle.dumps({MARKER: float(NUMBER)})),
        "parameters cut": bundle(parameters__json=f'{{"label_column": "{MARKER}'.encode()),
        "parameters of a wrong type": bundle(parameters__json=json.dumps({"seed": [MARKER]}).encode()),
        "not a zip": MARKER.encode() * 99,
    }


def sound() -> bytes:
    """A good bundle with a marker in both of its tables."""
    changed = [
        table.assign(age=table.age.where(table.index != 5, float(NUMBER))) for table in (MEMBERS, SUBJECTS)
    ]
    return bundle(
        train_mia__csv=csv(changed[0]),
        test_mia__csv=csv(changed[1].assign(age=changed[1].age + 1)),
        parameters__json=json.dumps(QUICK).encode(),
    )
