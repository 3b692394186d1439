import pytest

from pipeline.errors import ConfigError
from tests.unit.report.make_run import make_run
from tools import check_configs, check_docstrings, report


def test_tool_writes_both_files_and_prints_the_table(tmp_path, capsys):
    run = make_run(tmp_path, pictures=False, logs=False)
    assert report.main([str(run)]) == 0
    printed = capsys.readouterr().out
    assert "adapted student" in printed
    assert str(run / "report.html") in printed
    assert (run / "results.json").exists()
    assert (run / "report.html").exists()


def test_tool_answers_a_wrong_folder_in_one_line(tmp_path, capsys):
    assert report.main([str(tmp_path / "nowhere")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1


DOCUMENTED = '''"""Module."""


def f(a, *b, c=1):
    """Do it.

    Args:
        a: first; it's (H, W) and so on:
            more of it.
        b: rest.
        {c}: last.

    Returns:
        something: nothing.
    """
'''


def test_docstring_that_matches_its_signature_passes():
    assert check_docstrings.check_source(DOCUMENTED.replace("{c}", "c"), "m.py") == []


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("x = 1\n", "m.py:1: the module has no docstring"),
        ('"""M."""\ndef f(): pass\n', "m.py:2: f: no docstring"),
        ('"""M."""\nclass A:\n    """A."""\n    def g(self): pass\n', "m.py:4: A.g: no docstring"),
        ('"""M."""\ndef f(a, b, c):\n    """F."""\n', "m.py:2: f: 3 parameters, but no Args: section"),
        (DOCUMENTED.replace("{c}", "d"), "m.py:4: f: Args: lacks 'c'"),
        (DOCUMENTED.replace("{c}", "c (int)"), "m.py:4: f: Args: gives 'c' a type; types are annotations"),
        (DOCUMENTED.replace("{c}", "a").replace("        a: f", "        c: f"), "another order"),
    ],
)
def test_docstring_findings_name_place_and_problem(source, finding):
    assert any(finding in problem for problem in check_docstrings.check_source(source, "m.py"))


def test_private_names_and_fields_of_derived_classes_are_left_alone():
    source = (
        '"""M."""\n\n\ndef _f(a, b, c): pass\n\n\nclass A(B):\n    """A.\n\n    Args:\n        z: from B.\n    """\n'
    )
    assert check_docstrings.check_source(source, "m.py") == []


def test_empty_module_needs_no_docstring():
    assert check_docstrings.check_source("", "__init__.py") == []


def test_configs_are_found_at_any_depth_and_all_problems_are_told(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for path in (tmp_path / "good.yaml", deep / "bad.yml", deep / "notes.txt"):
        path.write_text("")
    files = check_configs.find_configs(tmp_path)
    assert [path.name for path in files] == ["bad.yml", "good.yaml"]

    def load(path):
        if path.name.startswith("bad"):
            raise ConfigError("unknown key 'x'", "'y'")

    problems = check_configs.check_files(files, load)
    assert problems == [f"{deep / 'bad.yml'}: unknown key 'x'; expected 'y'"]
