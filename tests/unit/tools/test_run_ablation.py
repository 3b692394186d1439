"""The rows of the ablation are configurations that can be run, and its table says what the results say."""

from pathlib import Path

import pytest
import yaml

from pipeline.build import COMPONENTS
from pipeline.config.load import load_config
from stages import STAGES
from tools import check_selection, run_ablation

QUICKSTART = Path(__file__).parents[3] / "configs" / "quickstart_reid.yaml"


def make_result(direct: float, adapted: float, supervised: float) -> dict[str, dict[str, object]]:
    roles = {"student_direct": direct, "student_adapted": adapted, "student_supervised": supervised}
    return {role: {"mAP": value, "cmc": {"1": value}} for role, value in roles.items()}


def test_every_row_is_a_valid_configuration(tmp_path: Path) -> None:
    tree = run_ablation.with_rows(load_config(QUICKSTART, [], STAGES).to_tree(), ())
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    config = load_config(path, [], STAGES, tables=COMPONENTS)
    rows = [name for name in config.stages if name.startswith("row")]
    assert len(rows) == len(run_ablation.MODES) + len(run_ablation.SETTINGS) + len(run_ablation.WITHOUT) + 1


def test_every_row_differs_from_the_default_and_from_the_others() -> None:
    default = load_config(QUICKSTART, [], STAGES).to_tree()["stages"]["adapt"]
    rows = [default, *run_ablation.variants(default).values()]
    assert all(rows.count(row) == 1 for row in rows)


def test_only_the_named_rows_are_run() -> None:
    tree = run_ablation.with_rows(load_config(QUICKSTART, [], STAGES).to_tree(), ("mode kd_only",))
    assert [name for name in tree["stages"] if name.startswith("row")] == ["row2"]
    assert tree["stages"]["score"]["models"]["mode kd_only"] == "row2.best"


def test_gap_closed_is_the_share_of_the_way_to_the_ceiling() -> None:
    assert run_ablation.gap_closed(make_result(0.2, 0.5, 0.6), "student_adapted") == pytest.approx(0.75)


def test_the_table_holds_mean_and_deviation_of_all_cases() -> None:
    text = run_ablation.table([make_result(0.2, 0.5, 0.6), make_result(0.2, 0.3, 0.6)])
    assert "| **default** | 40.0 ± 14.1 | 40.0 ± 14.1 | 75, 25 | 50 ± 35 |" in text


def test_a_run_without_kept_rounds_is_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_selection.main([str(tmp_path)]) == 2
    assert "no finished stage adapt" in capsys.readouterr().err


def test_the_selection_report_holds_the_rank_correlation() -> None:
    rounds = [{"round": n, "criterion": n / 10, "mAP": n / 20} for n in range(4)]
    assert "correlation 1.00" in check_selection.report(Path("run"), rounds)
