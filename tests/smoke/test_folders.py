"""Adaptation to folders as people have them, by the shipped configuration made small."""

import shutil
from pathlib import Path

import pytest

from datasets.world.reader import read_world_probe
from pipeline.build import data as build_data
from pipeline.report.collect import collect
from tests.smoke.tiny import make_tree, manifest_of
from tools import make_world
from tools import run as run_tool

CONFIG = Path(__file__).resolve().parents[2] / "configs/adapt_folders.yaml"
WORLD = ["--identities", "6", "--test-identities", "5", "--cameras", "3", "--shots", "3", "--size", "32x16"]
TINY = make_tree()["models"]


def write_world(folder, domain):
    assert make_world.main([str(folder), "--domain", domain, "--seed", "1", *WORLD]) == 0
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Labelled source, the new site as a flat tree of plain numbers, and the same site labelled."""
    root = tmp_path_factory.mktemp("folders")
    source, labelled = (write_world(root / domain, domain) for domain in ("sunny_plaza", "winter_station"))
    flat = root / "site"
    flat.mkdir()
    for number, path in enumerate(sorted((labelled / "bounding_box_train").iterdir())):
        shutil.copyfile(path, flat / f"{number:04d}.jpg")
    return {"source": source, "target": flat, "probe": labelled, "ceiling": labelled}


def run_folders(run, roots, *words):
    """Run the command on folders, with networks and durations of a test."""
    build_data._read.cache_clear()
    given = [f"data.{name}.root={path}" for name, path in roots.items()]
    small = [
        "runtime.device=cpu", "stages.pretrain.steps=3", "stages.direct.steps=3", "stages.ceiling.steps=3",
        "stages.adapt.rounds=1", "stages.adapt.steps=2", "stages.adapt.clustering={k1: 6, k2: 2, eps: 0.7}",
        *(f"models.{name}={model!r}" for name, model in TINY.items()),
    ]  # fmt: skip
    sets = [word for value in (*given, *small) for word in ("--set", value)]
    return run_tool.main([str(CONFIG), "--run-dir", str(run), *sets, *words])


def test_with_a_ceiling_the_gap_is_known_or_the_reason_is_told(folders, tmp_path):
    assert run_folders(tmp_path / "run", folders) == 0
    results = collect(tmp_path / "run")
    assert {row["role"] for row in results["reid"]} == {
        "student_direct", "teacher_direct", "teacher_adapted", "student_adapted", "student_supervised",
    }  # fmt: skip
    assert results["gap_closed"]["reid"] is not None or results["gap_closed_reason"]["reid"]
    target = manifest_of(tmp_path / "run", "adapt")["data"]["target"]
    assert target["labels_read"] is False
    assert target["cameras"] == 0
    notes = manifest_of(tmp_path / "run", "score")["metrics"]["notes"]
    assert any("not among those adapted to" in note for note in notes)


def test_without_a_ceiling_that_stage_is_skipped(folders, tmp_path, capsys):
    roots = {name: path for name, path in folders.items() if name != "ceiling"}
    assert run_folders(tmp_path / "run", roots) == 0
    assert not (tmp_path / "run/ceiling").exists()
    results = collect(tmp_path / "run")
    assert "student_supervised" not in {row["role"] for row in results["reid"]}
    assert results["gap_closed"]["reid"] is None
    assert "no supervised student" in results["gap_closed_reason"]["reid"]
    assert run_folders(tmp_path / "run", roots, "--dry-run") == 0
    verdicts = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines() if line.startswith("ceiling"))
    assert verdicts["ceiling"].startswith("skipped")


def test_without_folders_the_command_says_which_is_missing(tmp_path, capsys):
    assert run_folders(tmp_path / "run", {}) == 2
    error = capsys.readouterr().err
    assert "data.source" in error
    assert "Traceback" not in error


def test_a_written_world_holds_the_people_of_the_drawn_one(folders):
    probe = read_world_probe("winter_station", 1, identities=5, cameras=3, shots=3, size=(32, 16))
    names = sorted(path.name for path in (folders["probe"] / "query").iterdir())
    assert names == [sample.path for sample in probe.query.samples]
