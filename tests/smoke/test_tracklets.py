"""Adaptation to crops that a tracker cut: whole runs, resumed, and settings refused."""

import pytest

from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import (
    make_tree,
    market_names,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
    write_crops,
)

HEADER = "path,camera,tracklet,frame,seconds,left,top,right,bottom,score\n"
PEOPLE, CAMERAS, CROPS = 6, 3, 2


def make_footage(folder):
    """Write two crops of each person in each camera, one person after the other."""
    names, rows = [], []
    for person in range(PEOPLE):
        for camera in range(CAMERAS):
            for crop in range(CROPS):
                seconds = 10 * person + camera + 0.5 * crop
                names.append(f"crops/camera_{camera}/{person}_{crop}.png")
                rows.append(f"{names[-1]},camera_{camera},{camera}-{person},{crop},{seconds},0,0,10,20,0.9\n")
    write_crops(folder, names)
    (folder / "tracklets.csv").write_text(HEADER + "".join(rows))
    return folder


def make_adaptation(tmp_path, **clustering):
    tree = only(make_tree(), "pretrain", "adapt")
    tree["stages"]["adapt"]["clustering"] |= {"min_samples": 2, **clustering}
    tree["stages"]["adapt"]["init"] = None
    tree["data"]["target"] = {"kind": "tracklets", "root": str(make_footage(tmp_path / "site"))}
    return tree


def test_it_runs_and_a_killed_run_goes_on_bit_for_bit(tmp_path):
    tree = make_adaptation(tmp_path)
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    assert {row["tracklets"] for row in rows_of(tmp_path / "whole", "adapt", "round")[1:]} == {PEOPLE * CAMERAS}
    run_killed(tree, tmp_path / "killed", (ProgressiveTask, 4))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "adapt") == weights_of(tmp_path / "whole", "adapt")
    assert run_tree(tree, tmp_path / "whole") == {"pretrain": "fresh", "adapt": "fresh"}


def test_switched_off_it_is_another_run(tmp_path):
    run_tree(make_adaptation(tmp_path), tmp_path / "run")
    off = make_adaptation(tmp_path, tracklets="off")
    assert run_tree(off, tmp_path / "run") == {"pretrain": "fresh", "adapt": "stale"}
    assert all("tracklets" not in row for row in rows_of(tmp_path / "run", "adapt", "round"))


def test_times_between_cameras_are_taken_into_account(tmp_path):
    run_tree(make_adaptation(tmp_path), tmp_path / "run")
    fused = make_adaptation(tmp_path, transitions="fuse")
    assert run_tree(fused, tmp_path / "run") == {"pretrain": "fresh", "adapt": "stale"}
    assert run_tree(fused, tmp_path / "run") == {"pretrain": "fresh", "adapt": "fresh"}


def test_times_that_nobody_knows_are_refused(tmp_path, capsys):
    tree = only(make_tree(clustering={"k1": 6, "transitions": "fuse"}), "pretrain", "direct", "adapt")
    assert run_command(tree, tmp_path / "run") == 2
    assert "clustering.transitions is fuse, and no time of a tracklet is known" in capsys.readouterr().err
    tree["stages"]["adapt"]["clustering"]["tracklets"] = "off"
    assert run_command(tree, tmp_path / "other") == 2
    assert "transitions fuse needs the times of tracklets, and tracklets is off" in capsys.readouterr().err


def test_links_that_nobody_knows_are_refused(tmp_path, capsys):
    tree = only(make_tree(clustering={"k1": 6, "tracklets": "link"}), "pretrain", "direct", "adapt")
    tree["data"]["target"] = {"kind": "image_folder", "root": str(write_crops(tmp_path / "site", market_names()))}
    assert run_command(tree, tmp_path / "run") == 2
    assert "no crop of site has a tracklet" in capsys.readouterr().err


@pytest.mark.parametrize("use", ["sometimes", True])
def test_a_use_that_there_is_not_is_refused(use, tmp_path, capsys):
    tree = only(make_tree(clustering={"tracklets": use}), "pretrain", "direct", "adapt")
    assert run_command(tree, tmp_path / "run") == 2
    assert "'auto', 'off', 'link' or 'link_and_part'" in capsys.readouterr().err
