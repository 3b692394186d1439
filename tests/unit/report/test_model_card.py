"""A model's card: facts of the manifests and nothing else, and what no manifest tells is called unknown."""

import json

import pytest

from pipeline.errors import ManifestError
from pipeline.report.model_card import model_card
from pipeline.report.model_card_text import markdown_table
from tests.unit.report.make_detection_run import make_detection_run
from tests.unit.report.make_run import edit_json, make_run, sha
from tests.unit.report.test_matching_page import KEPT, make_measured
from tools import model_card as tool

NETWORK = {"arch": "timm/resnet18", "size": [64, 32], "embedding": 256, "weights": "scratch"}
TOLD = {"rate": 0.01, "threshold": 0.41234, "true_match_rate": 0.9, "from": "clusters", "data": "target", "genuine": 50,
        "impostors": 900, "standardised": True}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path, pictures=False, logs=False)


def describe(run):
    """Let the stages say what real ones say."""
    teacher = {**NETWORK, "arch": "timm/resnet50", "embedding": 512}
    for stage, config in (
        ("pretrain", {"train": teacher}),
        ("adapt", {"train": NETWORK, "teacher": {"sha256": sha("pretrain.best")}}),
    ):
        edit_json(run / stage / "a0001" / "manifest.json", {"identity": {"config": config}})
    edit_json(run / "adapt" / "a0001" / "summary.json", {"match": {"best": TOLD}})


def test_a_card_has_model_data_measurements_threshold_limits_lineage_and_licence(run):
    describe(run)
    row = {**make_measured("student_adapted", KEPT), "cameras": {"hall": {"mAP": 0.41, "rank1": 0.5, "queries": 9}}}
    edit_json(run / "score" / "a0001" / "summary.json", {"rows": [row]})
    card = model_card(run / "adapt")
    for text in (
        "# quickstart: adapt.best", "| arch | timm/resnet18 |", "| size | 64 × 32 |", f"SHA-256 | {sha('adaptbest')} |",
        "| parameters | 1.24 M |", "| TPR % at 1 % FPR | 66.0 |", "| DIR % at 10 % FAR | 55.0 |",
        "| hall | 9 | 41.0 | 50.0 |", "cosine distance below 0.4123, meant for 1.0 % of false matches, from 900 pairs",
        "On target it makes 1.23 % of false matches and finds 71.0 % of the pairs of one person.",
        "| adapt | progressive_kd | pretrain.best", "MIT licence", "who somebody is", "responsible_use.md",
    ):  # fmt: skip
        assert text in card
    table = [line.split(" | ") for line in card.splitlines() if line.startswith(("| adapt | ", "| pretrain | "))]
    read = {(cells[0].strip("| "), cells[1]): cells[6] for cells in table if len(cells) == 8}
    assert read == {("pretrain", "source"): "yes", ("adapt", "source"): "yes", ("adapt", "target"): "no"}


def test_a_teacher_is_described_by_the_stage_that_made_it(run):
    describe(run)
    assert "| arch | timm/resnet50 |" in model_card(run / "adapt", role="teacher")


def test_a_file_is_the_role_that_it_was_left_as(run):
    attempt = run / "adapt" / "a0001"
    assert model_card(attempt / "teacher.safetensors").startswith("# quickstart: adapt.teacher\n")
    for wrong, sentence in (
        (attempt / "other.safetensors", "no output of stage adapt"),
        (run / "adapt" / "a0007" / "best.safetensors", "is not in"),
        (run / "nowhere", "is no stage of a run"),
    ):
        with pytest.raises(ManifestError, match=sentence):
            model_card(wrong)


def test_what_is_not_known_is_said(run):
    card = model_card(run / "pretrain")
    assert "| arch |" not in card
    assert "none is stored" in card
    (run / "score" / "CURRENT").unlink()
    (run / "score_source" / "CURRENT").unlink()
    card = model_card(run / "adapt")
    assert "nothing is known of how well it does" in card
    assert "| parameters | – |" in card
    with pytest.raises(ManifestError, match=r"has left no route; expected one of .'best', 'teacher'."):
        model_card(run / "adapt", role="route")


def test_a_detector_has_no_threshold_and_limits_of_its_own(tmp_path):
    run = make_detection_run(tmp_path / "streets", logs=False, pictures=False)
    manifests = {
        path.parent.parent.name: json.loads(path.read_text()) for path in sorted(run.glob("*/a0001/manifest.json"))
    }
    cards = [model_card(run / name) for name, manifest in manifests.items() if "best" in manifest["outputs"]]
    assert any("MR⁻² %" in card and "finding people in pictures" in card for card in cards)
    assert not any("same person" in card for card in cards)


def test_the_command_prints_or_writes(run, tmp_path, capsys):
    assert tool.main([str(run / "adapt")]) == 0
    printed = capsys.readouterr().out
    assert tool.main([str(run / "adapt"), "--out", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text() == printed
    assert capsys.readouterr().out == ""
    assert tool.main([str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_cell_cannot_end_a_row():
    assert markdown_table(["a"], [["x|y\nz"]])[2] == "| x\\|y z |"
