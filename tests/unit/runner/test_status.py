"""What `tools/status.py` prints, and that looking at a run needs no training code."""

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.runner.fakes import make_tree, run_tree
from tools import status

ROOT = Path(__file__).resolve().parents[3]


def lines_of(capsys, *arguments: object) -> tuple[int, list[str]]:
    code = status.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, (captured.out + captured.err).splitlines()


def test_plain_status_has_one_line_a_stage(tmp_path, capsys):
    run_tree(tmp_path)
    code, lines = lines_of(capsys, tmp_path)
    assert code == 0
    assert [line.split() for line in lines] == [["pretrain", "fresh"], ["adapt", "fresh"], ["score", "fresh"]]


def test_explain_tells_every_difference(tmp_path, capsys):
    tree = make_tree()
    run_tree(tmp_path, tree)
    tree["stages"]["pretrain"]["steps"] = 30
    tree["stages"]["adapt"]["rate"] = 2.0
    tree["stages"]["pretrain"]["objectives"] = {"kd": {"temperature": 4.0}}
    plan = json.loads((tmp_path / "plan.json").read_text())
    plan["stages"][0]["identity"]["config"] |= {"steps": 30, "objectives": {"kd": {"temperature": 4.0}}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    _, lines = lines_of(capsys, tmp_path, "explain", "pretrain")
    assert lines[:5] == [
        "pretrain: stale",
        "  objectives {} → (absent)",
        "  objectives.kd.temperature (absent) → 4.0",
        "  steps 20 → 30",
        lines[4],
    ]
    assert lines[4].startswith("  attempt      a0001, finished ")
    assert any(line.startswith("  data         source ") and line.endswith("labels read: True") for line in lines)
    assert lines_of(capsys, tmp_path, "explain", "pretran") == (
        2,
        ["error: there is no stage 'pretran'. did you mean 'pretrain'?"],
    )


def test_verify_names_what_is_damaged(tmp_path, capsys):
    run_tree(tmp_path)
    assert lines_of(capsys, tmp_path, "verify")[0] == 0
    (tmp_path / "adapt/a0001/best.bin").write_text("x")
    code, lines = lines_of(capsys, tmp_path, "verify")
    assert code == 1
    assert "damaged  adapt/a0001: file best.bin: sha256 differs" in lines


def test_a_folder_that_is_no_run_is_one_line(tmp_path, capsys):
    code, lines = lines_of(capsys, tmp_path)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("error: ")


def test_status_and_help_do_not_load_torch(tmp_path):
    run_tree(tmp_path)
    script = (
        "import sys; sys.argv = ['run.py', '--help']; from tools import config_schema, run, status\n"
        f"status.main([{str(tmp_path)!r}])\n"
        "try: run.main(['--help'])\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
