"""The folder in Market-1501 layout, the contact sheet and the tool."""

import cv2
import pytest

from datasets.market_layout import parse_market_name
from datasets.world.market_writer import write_market_layout
from datasets.world.reader import read_world, read_world_probe
from pipeline.errors import DataError
from tools.make_world import main

SMALL = ["--identities", "3", "--test-identities", "2", "--cameras", "2", "--shots", "2", "--size", "32x16"]
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")


def test_names_give_back_person_camera_and_frame():
    data = read_world("random-1", identities=5, cameras=3, shots=2)
    for sample in data.samples:
        parsed = parse_market_name(sample.path, domain=sample.domain)
        assert (parsed.person_id, parsed.camera_id) == (sample.person_id, sample.camera_id)
        assert parsed.frame % 10**8 == sample.frame


def test_tool_writes_the_three_folders_and_the_command(tmp_path, capsys):
    out = tmp_path / "world"
    words = [str(out), "--domain", "random-1", "--seed", "4", *SMALL]
    assert main(words) == 0
    counts = [len(list((out / folder).glob("*.jpg"))) for folder in FOLDERS]
    assert counts == [12, 4, 4 + 4]
    assert f"{sum(counts)} images" in capsys.readouterr().out
    assert f"python tools/make_world.py {' '.join(words)}" in (out / "README.txt").read_text()
    train = read_world("random-1", 4, identities=3, cameras=2, shots=2, size=(32, 16))
    sample = train.samples[0]
    image = cv2.cvtColor(cv2.imread(str(out / FOLDERS[0] / sample.path)), cv2.COLOR_BGR2RGB)
    assert abs(image.astype(int) - train.load(sample)).mean() < 8


def test_tool_refuses_a_folder_with_something_in_it(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main([str(tmp_path), *SMALL]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is not empty" in message
    assert "--force" in message
    assert main([str(tmp_path), *SMALL, "--force"]) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_tool_refuses_a_file_for_a_folder(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file"), *SMALL]) == 2
    assert "is a file" in capsys.readouterr().err


def test_tool_reports_an_unknown_domain_in_one_line(tmp_path, capsys):
    assert main([str(tmp_path / "out"), "--domain", "nihgt_street"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "'night_street'" in message
    assert not (tmp_path / "out").exists()


def test_layout_has_room_for_nine_cameras_only(tmp_path):
    train, probe = (read(identities=2, cameras=10, shots=2, size=(32, 16)) for read in (read_world, read_world_probe))
    with pytest.raises(DataError, match="one digit"):
        write_market_layout(tmp_path / "out", train, probe, readme="")
    assert not (tmp_path / "out").exists()


def test_tool_lists_the_domains(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 5
    assert lines[-1].startswith("random-<number>")


def test_sheet_has_a_row_for_each_person(tmp_path):
    assert main(["--sheet", str(tmp_path / "sheet.png"), *SMALL]) == 0
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (3 * 35 + 3, 2 * 35 + 3, 3)
    assert main(["--sheet", str(tmp_path / "sheet.gif"), *SMALL]) == 2


@pytest.mark.parametrize("words", [[], ["out", "--size", "128"]])
def test_tool_explains_a_wrong_command_line(words):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
