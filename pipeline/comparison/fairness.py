"""What has to be the same for two methods to be compared, and what a method may differ in when it says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.comparison.methods import Method
from pipeline.config.graph import run_order
from pipeline.config.references import references
from pipeline.config.schema import StageConfig
from pipeline.errors import ConfigError

# Never to be excepted: numbers of other data or of another budget say nothing about the method.
DATA, LABELS, BUDGET, BATCH = "other data", "labels of the target", "another budget", "other batches"
_FIRM = (DATA, LABELS, BUDGET, BATCH)
_BUDGET = ("steps", "rounds", "epochs")
# Everything else that a method has to leave alone, or to declare.
_DECLARABLE = {
    "kind": "another kind of stage",
    "init": "another beginning",
    "structure": "another student",
    "optimizer": "another optimizer",
    "augment": "other changes of the images",
    "frame_augment": "other changes of the images",
}
_MARKS = {"data": DATA, "model": "another student", "detector": "another student", "video": "another student"}


@dataclass(frozen=True)
class FairMethod:
    """What the leaderboard tells about a method's settings.

    Args:
        changes: settings of the stage that it changes, and objectives that all have but it replaces.
        exceptions: reasons by declared setting.
        needs: stages that it alone needs, in the order in which they run; their cost is its own.
    """

    changes: tuple[str, ...]
    exceptions: Mapping[str, str]
    needs: tuple[str, ...]


def check_fair(
    stages: Mapping[str, StageConfig], methods: Mapping[str, Method], *, reference: str
) -> dict[str, FairMethod]:
    """Check that methods differ in nothing but themselves.

    Args:
        stages: all stages of a case, the reference and every method among them.
        methods: by name of their stage.
        reference: the stage as the configuration has it, which all methods change.

    Returns:
        What to tell of each method.

    Raises:
        ConfigError: comparing would be unfair, with the reason for each method that is meant.
    """
    found, problems = {}, []
    for name, method in methods.items():
        unfair = differences(stages[reference], stages[name])
        needs = _own_needs(stages, name, reference)
        problems += [f"{name} has {why} ({key})" for key, why in unfair.items()
                     if why in _FIRM or key not in method.exceptions]  # fmt: skip
        problems += [f"{name} declares the exception {key}, and nothing differs there"
                     for key in method.exceptions if key not in unfair]  # fmt: skip
        problems += _problems_of_needs(stages, name, needs, reference)
        changes = [key for key in method.change if key not in ("objectives", *unfair)]
        found[name] = FairMethod((*changes, *_replaced(stages[reference], method)), method.exceptions, needs)
    if problems:
        raise ConfigError(
            "not a fair comparison: " + "; ".join(problems), f"what stands in the stage {reference} for all methods",
            "Change it there for all, or compare it in a comparison of its own; another beginning, optimizer, student, "
            "kind or change of the images can be declared by `exceptions: {setting: reason}` and is shown then.",
        )  # fmt: skip
    return found


def differences(reference: StageConfig, method: StageConfig) -> dict[str, str]:
    """Return what makes two stages incomparable, by setting.

    Args:
        reference: the settings that count.
        method: those of a method.
    """
    ours, theirs = reference.model_dump(mode="json"), method.model_dump(mode="json")
    # Another kind may have no rounds: then all steps together are the budget.
    totals = [tree.get("rounds", 1) * tree.get("steps", 0) for tree in (ours, theirs)]
    same_budget = reference.kind != method.kind and totals[0] == totals[1]
    found = {key: reason for key in ours if (reason := _reason(key, reference, method)) and ours[key] != theirs.get(key)
             and not (reason == BUDGET and same_budget)}  # fmt: skip
    # Under names that the reference does not have.
    if DATA not in found.values() and _data_of(method) - _data_of(reference):
        found["data"] = DATA
    if getattr(method, "is_ceiling", False):
        found["is_ceiling"] = LABELS
    return found


def _reason(key: str, reference: StageConfig, method: StageConfig) -> str:
    marks = {path[0]: mark.kind for stage in (reference, method) for path, mark, _ in references(stage)}
    if marks.get(key) in _MARKS:
        return _MARKS[str(marks[key])]
    if key in _BUDGET:
        return BUDGET
    return BATCH if key == "batch" or key.endswith("_batch") else _DECLARABLE.get(key, "")


def _own_needs(stages: Mapping[str, StageConfig], name: str, reference: str) -> tuple[str, ...]:
    shared = run_order(stages, until=reference)
    return tuple(stage for stage in run_order(stages, until=name) if stage not in (*shared, name))


def _problems_of_needs(
    stages: Mapping[str, StageConfig], name: str, needs: tuple[str, ...], reference: str
) -> list[str]:
    """Stages that a method alone needs may read nothing that the others don't, and no labels of the target."""
    known = set().union(*(_data_of(stages[stage]) for stage in run_order(stages, until=reference)))
    problems = [f"{name} has {DATA} ({stage} reads {', '.join(sorted(_data_of(stages[stage]) - known))})"
                for stage in needs if _data_of(stages[stage]) - known]  # fmt: skip
    return problems + [f"{name} has {LABELS} ({stage} is a ceiling)"
                       for stage in needs if getattr(stages[stage], "is_ceiling", False)]  # fmt: skip


def _data_of(stage: StageConfig) -> set[str]:
    return {text for _, mark, text in references(stage) if mark.kind == "data"}


def _replaced(reference: StageConfig, method: Method) -> list[str]:
    if "objectives" not in method.change:
        return []
    ours: Mapping[str, Any] = getattr(reference, "objectives", None) or {}
    theirs = method.change["objectives"]
    return ["all objectives"] if theirs is None else [f"objectives.{key}" for key in theirs if key in ours]
