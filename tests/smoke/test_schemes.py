"""The configurations of mutual learning, self-distillation, rebirth and assistants run from end to end, made small."""

from pathlib import Path

import pytest

from pipeline.comparison.cases import Case
from pipeline.comparison.methods import read_methods
from pipeline.comparison.task import Task
from pipeline.config.load import load_config
from stages import STAGES
from tests.smoke.tiny import BATCH, PEOPLE, SIZE, manifest_of, run_tree

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SMALL = {"steps": 2, "rounds": 1, "source_batch": BATCH, "target_batch": BATCH, "batch": BATCH, "strips": 0}


def make_small(name):
    """Return a configuration with a few people, narrow networks and two steps a stage."""
    tree = load_config(CONFIGS / f"{name}.yaml", [], STAGES).to_tree()
    for data in tree["data"].values():
        data |= {key: value for key, value in PEOPLE.items() if key != "seed"}
    for model in tree["models"].values():
        widths = [channels // 4 for channels in model["args"]["channels"]]
        model |= {"size": SIZE, "embedding": 16, "args": {"channels": widths, "layers": [1, 1, 1, 1]}}
    for stage in tree["stages"].values():
        stage |= {key: value for key, value in SMALL.items() if key in stage}
    tree["runtime"] |= {"threads": 1, "device": "cpu"}
    return tree


@pytest.mark.parametrize("name", ["mutual", "self_distillation", "born_again", "teacher_assistant"])
def test_a_configuration_runs_and_scores_all_of_its_models(name, tmp_path):
    tree = make_small(name)
    run_tree(tree, tmp_path / "run")
    rows = manifest_of(tmp_path / "run", "score")["metrics"]["rows"]
    assert [row["role"] for row in rows] == list(tree["stages"]["score"]["models"])


def test_they_can_be_compared_with_the_other_methods():
    names = "kd,mutual,byot,born_again,born_again_third,teacher_assistant"
    methods = read_methods(CONFIGS / "methods" / "reid.yaml", names, baseline="kd")
    task = Task(CONFIGS / "compare_reid.yaml", "learn", "score", methods, STAGES)
    plan = task.plan(Case("random-1", "random-2", 0), steps={})
    assert {name: told.needs for name, told in plan.fair.items()} == {
        "kd": (), "mutual": (), "byot": (), "born_again": ("first_generation",),
        "born_again_third": ("first_generation", "second_generation"),
        "teacher_assistant": ("first_generation", "assistant_upper", "assistant_lower", "assistant"),
    }  # fmt: skip
    assert plan.fair["mutual"].exceptions.keys() == {"kind", "train"}
    # The people whom the rule looks at are of the source's domain.
    assert plan.tree["data"][plan.tree["stages"]["assistant"]["source"]]["domain"] == "random-1"
    longer = task.plan(Case("random-1", "random-2", 0), steps=dict.fromkeys(methods, 300))
    assert longer.tree["stages"]["mutual"]["steps"] == 2 * longer.tree["stages"]["kd"]["steps"] == 300
