import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.build import COMPONENTS
from pipeline.config.json_schema import json_schema
from stages import STAGES
from tools import check_configs, check_docstrings

ROOT = Path(__file__).resolve().parents[3]
# What a benchmark's child processes run stands beside it and is no command.
TOOLS = sorted(path.name for path in (ROOT / "tools").glob("*.py") if not path.stem.endswith("_cases"))


@pytest.mark.parametrize("tool", TOOLS)
def test_help_does_not_wait_for_torch(tool):
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['{tool}', '--help']\n"
        f"try: runpy.run_path({str(ROOT / 'tools' / tool)!r}, run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "assert not {'torch', 'cv2', 'faiss', 'sklearn'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout


def test_the_configurations_are_right(capsys):
    assert check_configs.main([]) == 0, capsys.readouterr().out


def test_wrong_configurations_are_found_at_any_depth(tmp_path, capsys):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "run.yml").write_text("schema: 1\nname: x\nstagse: {}\n")
    assert check_configs.main([str(tmp_path)]) == 1
    assert "stagse: unknown key; did you mean 'stages'?" in capsys.readouterr().out


def test_a_folder_that_waits_for_the_user_is_no_mistake_of_the_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("schema: 1\nname: x\ndata: {a: {kind: image_folder, root: null}, b: {kind: world, domain: d}}\n")
    assert check_configs.placeholders(path) == ["data.a.root=."]


def test_no_configuration_at_all_is_a_mistake(tmp_path):
    assert check_configs.main([str(tmp_path)]) == 1


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1\n", "no docstring"),
        ('"""M."""\ndef f(): ...\n', "f: no docstring"),
        ('"""M."""\ndef f(a, b, c):\n    """F."""\n', "no Args: section"),
        ('"""M."""\ndef f(a, b):\n    """F.\n\n    Args:\n        a: x.\n    """\n', "lacks 'b'"),
        ('"""M."""\ndef f(a):\n    """F.\n\n    Args:\n        a (int): x.\n    """\n', "types are annotations"),
        ('"""M."""\ndef f(a, b):\n    """F.\n\n    Args:\n        b: x.\n        a: y.\n    """\n', "another order"),
    ],
)
def test_docstrings_that_do_not_fit_are_found(source, problem):
    assert any(problem in line for line in check_docstrings.check_source(source, "m.py"))


def test_private_names_need_no_docstring():
    assert check_docstrings.check_source('"""M."""\ndef _f(a, b, c): ...\n', "m.py") == []


def names(schema: dict) -> dict[str, list[str]]:
    """Keys alone: how types are spelt differs between versions of pydantic."""
    found = {key: sorted(entry.get("properties", {})) for key, entry in schema["$defs"].items()}
    return found | {"run": sorted(schema["properties"])}


def test_the_stored_schema_knows_every_key():
    stored = json.loads((ROOT / "configs" / "schema.json").read_text())
    assert names(stored) == names(json_schema(STAGES, COMPONENTS)), "run `make format` and commit configs/schema.json"


def test_another_package_called_datasets_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import pipeline"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ImportError: the package 'datasets' is {tmp_path}")
    assert "environment of its own" in last
