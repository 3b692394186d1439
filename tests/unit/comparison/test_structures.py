"""Students of several sizes are compared as declared exceptions, and never in silence."""

from pathlib import Path

import pytest

from pipeline.build.tables import COMPONENTS
from pipeline.comparison.cases import Case
from pipeline.comparison.methods import Method, read_methods
from pipeline.comparison.task import Task
from pipeline.config.binding import check
from pipeline.errors import ConfigError
from stages import STAGES

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
CASE = Case("random-1", "random-2", 3)


def make_task(methods):
    return Task(CONFIGS / "compare_structures.yaml", "learn", "score", methods, STAGES)


def test_every_listed_student_is_a_valid_configuration_that_declares_what_it_is():
    methods = read_methods(CONFIGS / "methods" / "structures.yaml", "", baseline="plain")
    task = make_task(methods)
    plan = task.plan(CASE, steps={})
    check(task.resolve(plan.tree), COMPONENTS)
    assert set(plan.tree["stages"]) == {"pretrain", "sizes", *methods, "score"}
    assert {name: tuple(told.exceptions) for name, told in plan.fair.items()} == {
        "plain": (), "narrow": ("train",), "shallow": ("train",), "depthwise": ("train",), "searched": ("structure",),
    }  # fmt: skip
    assert {name: told.needs for name, told in plan.fair.items() if told.needs} == {"searched": ("sizes",)}
    rows = [plan.tree["stages"][name] for name in methods]
    assert all(row["objectives"] == rows[0]["objectives"] and row["steps"] == rows[0]["steps"] for row in rows)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"train": "narrow"}, r"mine has another student \(train\)"),
        ({"structure": "sizes.structure"}, r"mine has another student \(structure\)"),
    ],
)
def test_another_student_that_is_not_declared_is_refused(change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_task({"mine": Method(change)}).plan(CASE, steps={})
