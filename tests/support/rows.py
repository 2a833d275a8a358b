"""Where a row of a table must stand besides: the places that are missing, by name."""

from __future__ import annotations

from pathlib import Path

from leakgauge.defences.output.protocol import OutputDefence
from leakgauge.defences.retraining.mitigation import Mitigation
from leakgauge.defences.training import TrainingDefence
from leakgauge.membership.protocol import Attack
from leakgauge.profiles.protocol import Attack as ProfilesAttack

DOCS = Path(__file__).parents[2] / "docs"


def missing_places(row: Attack | ProfilesAttack | OutputDefence | Mitigation | TrainingDefence) -> list[str]:
    """The places that say nothing of `row`."""
    missing = []
    page = _page_of(row)
    first_cells = [line.split("|")[1] for line in (DOCS / page).read_text().splitlines() if line[:1] == "|"]
    if not any(f"`{row.name}`" in cell or f"`{row.name}=" in cell for cell in first_cells):
        missing.append(f"docs/{page} has no table row that begins with {row.name}")
    if not row.citation:
        missing.append(f"the row of {row.name} has no `citation`")
    if isinstance(row, Attack):
        if row.threat_model == "model_file" and not row.reads:
            missing.append(f"the row of {row.name} does not say what the attack `reads` in the model file")
    elif not isinstance(row, ProfilesAttack) and not row.cost.endswith("."):
        missing.append(f"the row of {row.name} has no sentence on its `cost`")
    return missing


def _page_of(row: Attack | ProfilesAttack | OutputDefence | Mitigation | TrainingDefence) -> str:
    if isinstance(row, ProfilesAttack):
        return "class-profiles.md"
    return "attacks.md" if isinstance(row, Attack) else "defences.md"
