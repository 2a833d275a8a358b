"""Our membership attacks beside those of other tools, on the same targets in one run.

    python benchmarks/membership.py run FOLDER [--seeds 10] [--targets digits-forest ...]
        [--contestants ours art ...] [--peer-seeds 10] [--location DIR] [--privacy-meter DIR]
    python benchmarks/membership.py table FOLDER [--into benchmarks/results]
    python benchmarks/membership.py lira FOLDER [--before FOLDER] [--into benchmarks/results]

For every target and seed the data are split into halves, the target is trained on one, and
every attack scores all records. Each contestant's figures go into a file of FOLDER as soon
as they are known; what stands there already is not run again, and several runs may share the
work. `few-of-ours` leaves out those of our attacks that take long. `table` then writes
`membership.md` and `membership.svg`: mean and standard deviation over seeds of the area under
the ROC curve and of the members found at 1 % false alarms (step ROC, ties against the
attacker), and CPU seconds over all threads.

`lira` writes `lira.md`, where one attack is compared seed by seed: with SACRO-ML's on the
targets by boosting, and with an earlier version of itself on all (`--before`, a folder that the
same commands filled from an earlier commit). The contestants are `lira-alone`, where both score
the same reference models, and `sacro-lira`, where SACRO-ML trains its own. It takes a folder of
its own, since `table` would count a target twice.

Peers, each skipped aloud where it is not installed: `MembershipInferenceBlackBox` of the
Adversarial Robustness Toolbox (`adversarial-robustness-toolbox`), the worst-case and the
likelihood-ratio attack of SACRO-ML (`sacroml`), and Privacy Meter's RMIA from a checkout of
its repository. `--location` names the folder that holds Location30 (Shokri et al. 2017) as
`location30.tgz`; without it its targets are skipped.

The constants of our attacks were chosen on splits with seeds from 100; seeds here begin at 0. LiRA
as it is now was chosen on seeds 0 to 5, so `lira` takes `--first-seed 100`.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

from membership_peers import (
    Contestant,
    art,
    few_of_ours,
    lira_alone,
    ours,
    privacy_meter,
    sacro_lira,
    sacro_worst_case,
)
from membership_table import write, write_lira
from membership_targets import Recipe, boosted, of_other_kinds, recipes

CONTESTANTS: dict[str, Contestant] = {
    "ours": ours,
    "few-of-ours": few_of_ours,
    "art": art,
    "sacro-worst-case": sacro_worst_case,
    "sacro-lira": sacro_lira,
    "lira-alone": lira_alone,
}
NAMED_ONLY = ("few-of-ours", "lira-alone")
"""Contestants that repeat a part of others."""

OURS = ("ours", "few-of-ours")


def main() -> None:
    """Run what was asked for, or write the table of what has been run."""
    parser = argparse.ArgumentParser()
    actions = parser.add_subparsers(dest="action", required=True)
    run_parser = actions.add_parser("run")
    run_parser.add_argument("folder", type=Path)
    run_parser.add_argument("--seeds", type=int, default=10)
    run_parser.add_argument("--first-seed", type=int, default=0)
    run_parser.add_argument("--peer-seeds", type=int, default=10, help="fewer for peers that take their time")
    run_parser.add_argument("--models", type=int, default=16)
    run_parser.add_argument("--targets", nargs="*")
    run_parser.add_argument("--contestants", nargs="*", choices=[*CONTESTANTS, "privacy-meter"])
    run_parser.add_argument("--location", type=Path)
    run_parser.add_argument("--privacy-meter", type=Path)
    table_parser = actions.add_parser("table")
    table_parser.add_argument("folder", type=Path)
    table_parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    lira_parser = actions.add_parser("lira")
    lira_parser.add_argument("folder", type=Path)
    lira_parser.add_argument("--before", type=Path, help="the same with an earlier version of ours")
    lira_parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    if asked.action == "table":
        write(asked.folder, asked.into)
    elif asked.action == "lira":
        write_lira(asked.folder, asked.before, asked.into)
    else:
        run(asked)


def run(asked: argparse.Namespace) -> None:
    """Run every contestant on every target and seed that no file tells of yet."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    asked.folder.mkdir(parents=True, exist_ok=True)
    known = recipes(asked.location)
    contestants = dict(CONTESTANTS)
    if asked.location is None:
        print("skipped: the targets on Location30, whose folder was not given", file=sys.stderr)
    if asked.privacy_meter is None:
        print("skipped: Privacy Meter, whose checkout was not given", file=sys.stderr)
    else:
        contestants["privacy-meter"] = privacy_meter(asked.privacy_meter)
    named = known | boosted() | of_other_kinds()
    for name in asked.targets or known:
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            for who in asked.contestants or [name for name in contestants if name not in NAMED_ONLY]:
                if who in OURS or seed - asked.first_seed < asked.peer_seeds:
                    _run_one(named[name], contestants[who], name, who, seed, asked)


def _run_one(
    recipe: Recipe, contestant: Contestant, name: str, who: str, seed: int, asked: argparse.Namespace
) -> None:
    all_of_ours = asked.folder / f"{name}.ours.{seed}.json"
    if who == "few-of-ours" and all_of_ours.exists() and all_of_ours.stat().st_size:
        return
    with (asked.folder / f"{name}.{who}.{seed}.json").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another run is at it
        if file.tell():
            return
        try:
            scored = [asdict(one) for one in contestant(recipe.case(seed), asked.models)]
        except ImportError as missing:
            print(f"skipped: {who}, for want of {missing.name}", file=sys.stderr)
            return
        json.dump({"target": name, "who": who, "seed": seed, "models": asked.models, "scored": scored}, file)
        print(f"{name}, {who}, seed {seed}", flush=True)


if __name__ == "__main__":
    main()
