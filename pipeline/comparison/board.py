"""From the folders of a comparison's cases to its leaderboard: Markdown, JSON and one page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic_files import write_atomic, write_json
from pipeline.comparison.cases import CASE_FILE, Case, Tree
from pipeline.comparison.task import Task, other_settings
from pipeline.config.load import load_config
from pipeline.errors import PipelineError
from pipeline.metrics.bootstrap import bootstrap_interval
from pipeline.report.case_files import CaseResult, read_case
from pipeline.report.leaderboard import make_leaderboard
from pipeline.report.leaderboard_text import leaderboard_markdown
from pipeline.report.page_leaderboard import render_leaderboard

_NAME = "leaderboard"


def leaderboard(
    task: Task, cases: Sequence[Case], out: Path, *, steps: Mapping[str, int], baseline: str | None
) -> dict[str, Any]:
    """Gather what the cases have left so far; a case that was made from other settings does not count.

    Args:
        task: what is compared.
        cases: all that were asked for, one at least.
        out: folder of the comparison.
        steps: of each method, where they are not as written.
        baseline: method that the others are compared with; None compares with nothing.

    Returns:
        the document but for its budget and command.
    """
    found, notes = [], []
    for case in cases:
        plan = task.plan(case, steps=steps)
        problem = _problem(task, plan.tree, out / case.name / CASE_FILE)
        notes += [f"case {case.name} was made from other settings ({problem}) and does not count"] if problem else []
        found.append(CaseResult(case.name) if problem else read_case(out / case.name / "run", case.name))
    board = make_leaderboard(
        found, {name: asdict(told) for name, told in plan.fair.items()}, references=plan.references, baseline=baseline,
        interval=lambda values: bootstrap_interval(np.asarray(values), seed=0),
    )  # fmt: skip
    board["notes"] = [*notes, *board["notes"]]
    return {"config": task.config.stem, "stage": task.stage, "count": len(task.methods), **board}


def _problem(task: Task, tree: Tree, path: Path) -> str:
    if not path.is_file():
        return ""
    try:
        stored = load_config(path, [], task.kinds).to_tree()
    except PipelineError:
        return "they can't be read any more"
    return other_settings(task.resolve(tree).to_tree(), stored, score=task.score)


def write_leaderboard(out: Path, board: Mapping[str, Any]) -> str:
    """Write leaderboard.json, leaderboard.md and leaderboard.html.

    Args:
        out: folder of the comparison.
        board: the whole document.

    Returns:
        the Markdown text.
    """
    out.mkdir(parents=True, exist_ok=True)
    text = leaderboard_markdown(board)
    write_json(out / f"{_NAME}.json", board)
    write_atomic(out / f"{_NAME}.md", text + "\n")
    write_atomic(out / f"{_NAME}.html", render_leaderboard(board))
    return text
