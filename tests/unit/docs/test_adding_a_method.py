"""The worked example of docs/adding_a_method.md is run: its file, its line, its twin, its entry."""

import re
import sys
import types
from pathlib import Path

import pytest
import torch

from pipeline.build.tables import OBJECTIVES
from pipeline.comparison.methods import changed, read_methods
from tests.contracts import test_objectives as contract
from tests.smoke.tiny import make_tree, only, rows_of, run_tree
from tools.check_docstrings import check_source

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adding_a_method.md"
NAME = "pair_correlation"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.fixture(autouse=True)
def module(monkeypatch):
    """The example's file as a module, entered into the table by the example's line."""
    found = types.ModuleType(f"pipeline.losses.distillation.{NAME}")
    monkeypatch.setitem(sys.modules, found.__name__, found)
    exec(blocks("python")[0], vars(found))
    monkeypatch.delitem(OBJECTIVES, NAME, raising=False)
    monkeypatch.setitem(OBJECTIVES, NAME, None)
    exec(blocks("python")[1], {"OBJECTIVES": OBJECTIVES, "PairCorrelation": found.PairCorrelation})
    return found


def test_the_file_keeps_the_rules_of_docstrings():
    assert check_source(blocks("python")[0], NAME) == []


@pytest.mark.parametrize("check", [name for name in vars(contract) if name.startswith("test_")])
def test_it_keeps_the_contract(check):
    getattr(contract, check)(NAME)


def test_its_twin_and_its_test_run(module):
    names = dict(vars(module))
    for block in blocks("python")[2:]:
        exec(block, names)
    torch.manual_seed(0)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    for run in tests:
        run()
    assert len(tests) == 1


def test_one_image_and_a_gradient_in_double_precision(module):
    rows = torch.randn(1, 3, requires_grad=True)
    module.pair_correlation_loss(rows, torch.ones(1, 2)).backward()
    assert not rows.grad.any()
    torch.manual_seed(1)
    student = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda rows: module.pair_correlation_loss(rows, teacher), (student,))


def test_its_entry_trains(tmp_path):
    (block,) = blocks("yaml")
    (tmp_path / "methods.yaml").write_text(block)
    method = read_methods(tmp_path / "methods.yaml", "", baseline=None)[NAME]
    tree = make_tree(mode="kd_only", init=None, objectives={"cross_entropy": {}})
    tree["stages"]["adapt"] = changed(tree["stages"]["adapt"], method.change)
    run_tree(only(tree, "pretrain", "adapt"), tmp_path / "run")
    terms = rows_of(tmp_path / "run", "adapt", "step")[-1]["terms"]
    assert {f"student.source.{NAME}", f"student.target.{NAME}"} <= set(terms)
    assert all(0 < terms[f"student.{domain}.{NAME}"] < 4 for domain in ("source", "target"))
