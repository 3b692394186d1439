"""A time budget in steps: the pace of each method is measured once, and kept with the comparison."""

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.atomic_files import read_json, write_json
from pipeline.comparison.budget import Budget, steps_within
from pipeline.comparison.cases import Case, Tree, run_tree, without_sharing
from pipeline.comparison.task import CasePlan, Task
from pipeline.errors import ConfigError
from pipeline.report.case_files import read_case

FILE = "pace.json"
_SCHEMA = 1
# Of each round: two rows of the log.
_STEPS = 20


def steps_of_budget(task: Task, case: Case, out: Path, budget: Budget, *, measure: bool) -> dict[str, int]:
    """Return the steps of each method, all in all; nothing where they are as written.

    Seconds become steps by the pace that was measured on the first case, one method at a time, before any case runs.
    The pace is stored: whatever is run again later is given the same steps.

    Args:
        task: what is compared.
        case: the first one.
        out: folder of the comparison.
        budget: the same for all methods.
        measure: whether a pace that is not known yet may be measured.

    Raises:
        ConfigError: a pace was measured with other settings, or is not known, or no step fits.
    """
    if budget.kind == "as_written":
        return {}
    if budget.kind == "steps":
        return dict.fromkeys(task.methods, budget.amount)
    plan = task.plan(case, steps={})
    known = _known_paces(out / FILE, plan.tree, list(task.methods))
    missing = [name for name in task.methods if name not in known]
    if missing and not measure:
        raise ConfigError(f"the pace of {missing[0]} was not measured", f"{out / FILE} of a run",
                          "Run the comparison without --table-only first.")  # fmt: skip
    if missing:
        known |= _measure(plan, out / case.name, missing)
        write_json(out / FILE, {"schema": _SCHEMA, "host": platform.node(), "case": case.name, "methods": known})
    return {name: _steps_of(name, plan.tree["stages"][name], known[name], budget.amount) for name in task.methods}


def _steps_of(name: str, stage: Mapping[str, Any], pace: Mapping[str, Any], seconds: int) -> int:
    step, needs = pace["seconds_per_step"], pace["needs_seconds"]
    return steps_within(name, seconds, step=step, needs=needs, rounds=stage.get("rounds", 1))


def _known_paces(path: Path, tree: Tree, names: list[str]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    stored: dict[str, Any] = dict(read_json(path)["methods"])
    for name in names:
        if name in stored and stored[name]["settings"] != _settings(tree, name):
            raise ConfigError(f"the pace of {name} in {path} was measured with other settings", "the same settings",
                              "Take another --out, or remove the file to measure anew.")  # fmt: skip
    return stored


def _settings(tree: Tree, name: str) -> str:
    """Return a digest of what the pace depends on: the stage, the networks, the data, and how it is carried out."""
    parts = [tree["stages"][name], tree["models"], tree["data"], tree["runtime"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _measure(plan: CasePlan, folder: Path, names: list[str]) -> dict[str, Any]:
    # In the folder of the case: teachers, and what methods need, are there for it afterwards.
    needs = {name: plan.fair[name].needs for name in names}
    shared = {stage for stages in needs.values() for stage in stages}
    kept = {name: stage for name, stage in plan.tree["stages"].items()
            if (name not in plan.fair or name in shared) and not str(stage["kind"]).startswith("evaluate")}  # fmt: skip
    pilots = {f"pilot-{name}": {**plan.tree["stages"][name], "steps": _STEPS} for name in names}
    run_tree(without_sharing({**plan.tree, "stages": {**kept, **pilots}}), folder, file="pilot.yaml")
    training = read_case(folder / "run", folder.name).training
    return {
        name: {
            "seconds_per_step": training[f"pilot-{name}"].seconds_per_step,
            "needs_seconds": sum(training[stage].seconds for stage in needs[name]),
            "settings": _settings(plan.tree, name),
        }
        for name in names
    }
